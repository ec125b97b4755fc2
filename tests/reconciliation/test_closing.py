"""Closing a month, and what comes for it afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.dynamodb.chain_head import DynamoDBChainHead
from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.month_states import S3Closings
from metering.errors import Misconfigured
from metering.outcome import UNATTRIBUTED_KEY
from metering.period import Period
from metering.proof.correction import Fate
from metering.proof.month_state import Closing, State
from metering.source.gap import Gap, Way, minute_of
from metering.source.state import SourceState
from metering.usage import NO_USAGE, Usage
from reconciliation.billing_chain import BillingChain
from reconciliation.closing import (
    Closer,
    NotProvenError,
    NotSealedError,
    SealedMonths,
    decode_usage,
    encode_usage,
)
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from tests.reconciliation.chain_stores import forget_billing
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, call, running
from tests.reconciliation.repair.repairing import fates, items, repair, run
from tests.reconciliation.repair.strikes import Strike, at_each_write

CALLS = [
    call("1", "2026-10-01T00:00:00"),
    call("2", "2026-10-31T23:59:59.999"),
    call("3", "2026-10-05T00:00:00", "b"),
    call("4", "2026-10-05T00:00:00", UNATTRIBUTED_KEY),
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


@pytest.fixture
def deployment(cloud: Deployment) -> Deployment:
    """The deployment, with calls of October on both paths."""
    cloud.empty()
    cloud.both(CALLS)
    return cloud


@dataclass
class Office:
    """Whoever closes months of a deployment."""

    deployment: Deployment
    now: datetime = AFTER
    s3: Any = None
    report: Report | None = None
    """A comparison that was made before; None: each closing makes its own."""

    def __post_init__(self) -> None:
        s3, settings = self.s3 or self.deployment.s3, self.deployment.settings
        self.store = S3Closings(s3, settings.lake_bucket)
        heads = DynamoDBChainHead(self.deployment.dynamodb, settings.counters_table)
        chain = S3BillingChain(s3, settings.lake_bucket)
        self.chain = BillingChain(chain, heads, lambda: self.now, "ops")
        self.months = SealedMonths(self.store, self.deployment.sources.queries, self.chain)

    def close(self, run_id: str | None = None, who: str = "ops", accept: str = "") -> Closing:
        """Close October."""
        queries = self.deployment.sources.queries
        closer = Closer(self.store, queries, self._reconcile, lambda: self.now, who, chain=self.chain)
        return closer.close(OCTOBER, run_id=run_id or run(), accept=accept)

    def _reconcile(self, month: Period, run_id: str) -> Report:
        return self.report or Reconciler(self.deployment.sources, lambda: self.now).reconcile(
            month, run_id=run_id
        )


class Gaps:
    """What the watch knows of the source: calls of October that were not logged."""

    def load(self) -> SourceState:
        """A gap of an hour."""
        begin = minute_of(datetime(2026, 10, 5, 12, tzinfo=UTC))
        return SourceState(gaps=(Gap(Way.LOGGED, "access-log", begin, begin + 60, 7),))


def objects(deployment: Deployment) -> list[str]:
    """The names of all objects about closing."""
    answer = deployment.s3.list_objects_v2(Bucket=deployment.settings.lake_bucket, Prefix="closing/")
    return [entry["Key"] for entry in answer.get("Contents", [])]


class TestClose:
    """From open to sealed."""

    def test_sealed(self, deployment: Deployment) -> None:
        """A month that is proven is sealed, with the usage of each key as the lake has it."""
        office = Office(deployment)
        closing = office.close(report := run())
        assert (State.SEALED, report, True, 0, "") == (
            closing.state,
            closing.report,
            closing.agrees,
            closing.differences,
            closing.accepted,
        )
        assert (AFTER, "ops", AFTER, "ops") == (
            closing.begun_at,
            closing.begun_by,
            closing.sealed_at,
            closing.sealed_by,
        )
        usage = office.months.sealed_usage(OCTOBER)
        assert [("-", 1, 0), ("a", 2, 2), ("b", 1, 1)] == [
            (key, one.requests, one.billable) for key, one in usage.items()
        ]
        assert (3, 4) == (closing.keys, closing.total.requests)
        assert closing == office.months.closing(OCTOBER)
        assert ["closing/2026-10.json", closing.objects, closing.usage] == objects(deployment)
        assert f"closing/2026-10/usage-{closing.digest}.jsonl" == closing.usage
        assert {"2026-10-01": 1, "2026-10-05": 2, "2026-10-31": 1} == {
            day: one.rows for day, one in closing.days.items()
        }
        assert sorted(objects(deployment)) == sorted(office.chain.named(OCTOBER) or ())

    def test_closed_again(self, deployment: Deployment) -> None:
        """A sealed month stays as it is, whoever closes it again and whatever has come."""
        closing = Office(deployment).close()
        deployment.both([call("late", "2026-10-05T00:00:00")], name="late")
        assert closing == Office(deployment).close(who="somebody else")
        assert 4 == sum(one.requests for one in Office(deployment).months.sealed_usage(OCTOBER).values())

    def test_not_over(self, deployment: Deployment) -> None:
        """A month that runs is never closed, whatever is accepted."""
        office = Office(deployment, datetime(2026, 10, 31, 23, tzinfo=UTC))
        with pytest.raises(NotProvenError, match="ends on 2026-11-01"):
            office.close(accept="in a hurry")
        assert [] == objects(deployment)

    def test_differences(self, deployment: Deployment) -> None:
        """A month that differs stays open, unless somebody says why it is closed: then that is kept."""
        deployment.edit("a", OCTOBER, requests=1)
        with pytest.raises(NotProvenError, match="--repair") as caught:
            Office(deployment).close()
        assert caught.value.report is not None
        assert [] == objects(deployment)
        closing = Office(deployment).close(accept="agreed with the customer")
        assert (State.SEALED, False, "agreed with the customer") == (
            closing.state,
            closing.agrees,
            closing.accepted,
        )
        assert 2 <= closing.differences
        assert 2 == Office(deployment).months.sealed_usage(OCTOBER)["a"].requests

    def test_incomplete(self, deployment: Deployment) -> None:
        """So does one that is not complete; what was missing is kept."""
        deployment.fail(b"no document")
        with pytest.raises(
            NotProvenError, match=r"not complete: .*error prefix.*--accept-differences REASON"
        ):
            Office(deployment).close()
        closing = Office(deployment).close(accept="a drill")
        assert ["a drill"] == [closing.accepted]
        assert closing.missing

    def test_nothing_to_accept(self, deployment: Deployment) -> None:
        """A reason that was not needed is not kept."""
        assert "" == Office(deployment).close(accept="in case").accepted


class TestTwice:
    """Closings that are killed, or that meet."""

    @pytest.mark.exhaustive
    def test_killed(self, deployment: Deployment) -> None:
        """Wherever a closing is killed, and whichever answer is lost, the next gives the same sealing."""
        ends = set()
        report = deployment.reconcile()

        def attempt(strike: Strike) -> None:
            forget_billing(deployment.cloud)
            Office(deployment, s3=strike.attach(deployment.cloud.client("s3")), report=report).close()

        strikes = 0
        for _ in at_each_write(attempt):
            strikes += 1
            closing = Office(deployment, report=report).close()
            ends.add((repr(closing), tuple(objects(deployment))))
            office = Office(deployment)
            assert closing == office.months.closing(OCTOBER)
            assert (2, ()) == (len(office.chain.read().links), office.chain.read().faults)
        assert (15, 1) == (strikes, len(ends))

    def test_two_at_once(self, deployment: Deployment) -> None:
        """Two jobs at once give one sealing, and both return that one."""
        both = threading.Barrier(2)
        found: list[Closing] = []

        def wait(**_: Any) -> None:
            with suppress(threading.BrokenBarrierError):
                both.wait(5)

        def close(who: str) -> None:
            s3 = deployment.cloud.client("s3")
            s3.meta.events.register("before-send.s3.PutObject", wait)
            found.append(Office(deployment, s3=s3).close(who=who))

        threads = [threading.Thread(target=close, args=(who,)) for who in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found[0] == found[1] == Office(deployment).months.closing(OCTOBER)

    def test_left_by_another(self, deployment: Deployment) -> None:
        """A closing that somebody began and left is gone on with; who began it stays."""
        strike = Strike(2, "after")  # the chain's first link comes before
        with pytest.raises(BaseException, match=r"^$"):
            Office(deployment, s3=strike.attach(deployment.cloud.client("s3"))).close(who="one")
        with pytest.raises(NotSealedError, match="2026-10 is closing"):
            Office(deployment).months.sealed_usage(OCTOBER)
        closing = Office(deployment).close(who="two")
        assert ("one", "two") == (closing.begun_by, closing.sealed_by)


class TestAfterwards:
    """A month that is sealed."""

    def test_late_usage(self, deployment: Deployment) -> None:
        """What comes later is kept apart, key by key; counters go on counting."""
        office = Office(deployment)
        office.close()
        sealed = office.months.sealed_usage(OCTOBER)
        assert sealed == office.months.usage_now(OCTOBER, run_id=run()).usage
        more = [call("late", "2026-10-05T00:00:00", "b"), call("new", "2026-10-05T00:00:00", "c")]
        deployment.both(more, name="late")
        now = office.months.usage_now(OCTOBER, run_id=run()).usage
        assert sealed == office.months.sealed_usage(OCTOBER)
        late = {key: now[key] - sealed.get(key, NO_USAGE) for key in now}
        assert [("b", 1, more[0].event_hash), ("c", 1, more[1].event_hash)] == [
            (key, one.requests, one.fingerprint) for key, one in sorted(late.items()) if one != NO_USAGE
        ]
        assert deployment.reconcile().agrees

    def test_its_counters_can_be_repaired(self, deployment: Deployment) -> None:
        """A counter that was changed after the month was sealed is brought back, with its audit, and both
        sides agree again; what is billed stays as it was sealed.
        """
        office = Office(deployment)
        closing, sealed = office.close(), office.months.sealed_usage(OCTOBER)
        deployment.edit("a", OCTOBER, requests=1)
        assert not deployment.reconcile().agrees
        repaired = repair(deployment, run())
        assert [("a", OCTOBER, Fate.WRITTEN)] == fates(repaired)
        assert 1 == len(items(deployment, "repair:a"))
        assert deployment.reconcile().agrees
        assert (closing, sealed) == (office.months.closing(OCTOBER), office.months.sealed_usage(OCTOBER))

    def test_open(self, deployment: Deployment) -> None:
        """A month that is open has no usage as billed."""
        with pytest.raises(
            NotSealedError, match=r"2026-10 is open: seal it with `usage-meter close 2026-10`"
        ):
            Office(deployment).months.sealed_usage(OCTOBER)
        assert Office(deployment).months.closing(OCTOBER) is None

    def test_changed_behind_its_back(self, deployment: Deployment) -> None:
        """Usage that is not what was sealed is refused; so is a state that is none."""
        closing = Office(deployment).close()
        bucket = deployment.settings.lake_bucket
        deployment.s3.put_object(Bucket=bucket, Key=closing.usage, Body=encode_usage([("a", Usage(1))]))
        with pytest.raises(Misconfigured, match="is not the usage with which 2026-10 was sealed"):
            Office(deployment).months.sealed_usage(OCTOBER)
        deployment.s3.put_object(Bucket=bucket, Key="closing/2026-10.json", Body=b"{}")
        with pytest.raises(Misconfigured, match="is not the state of a month"):
            Office(deployment).months.closing(OCTOBER)


class TestUsage:
    """Usage by key, as bytes. Pure."""

    def test_there_and_back(self) -> None:
        """Every total is kept, in the order of the keys, and the same usage gives the same bytes."""
        usage = {"b": Usage(1, 2, 3, 4, 5, 6, 2**125), 'a\n"': Usage(2**62), "-": NO_USAGE}
        content = encode_usage(usage.items())
        assert [("-", usage["-"]), ('a\n"', usage['a\n"']), ("b", usage["b"])] == list(
            decode_usage(content).items()
        )
        assert content == encode_usage(reversed(usage.items()))

    def test_usage_of_an_earlier_version(self) -> None:
        """Usage without calls of unknown size has the bytes that it had before these were counted."""
        sealed = (
            b'{"key":"a","requests":3,"billable":2,"errors":1,"response_bytes":7,"request_bytes":0,'
            b'"latency_ms":5,"fingerprint":99}\n'
        )
        usage = {"a": Usage(3, 2, 1, 7, 0, 5, 99)}
        assert (usage, sealed) == (decode_usage(sealed), encode_usage(usage.items()))
        of_unknown_size = {"a": Usage(3, 2, 1, 7, 0, 5, 99, 1, 3)}
        assert of_unknown_size == decode_usage(encode_usage(of_unknown_size.items()))


def test_a_gap_in_front_of_the_stream(deployment: Deployment) -> None:
    """Both sides agree, and calls are known not to have reached the stream: a month is not sealed so
    without a reason, which is kept with what it is for.
    """
    office = Office(deployment)
    sources = deployment.sources
    deployment.sources = sources._replace(source=Gaps())
    try:
        with pytest.raises(NotProvenError, match=r"7 calls that API Gateway .* Find out why, or accept"):
            office.close()
        sealed = office.close(accept="a client sent bodies over 10 MB")
    finally:
        deployment.sources = sources
    assert (True, "a client sent bodies over 10 MB") == (sealed.agrees, sealed.accepted)
    [reason] = sealed.missing
    assert "between 2026-10-05T12:00Z and 2026-10-05T13:00Z were not logged to access-log" in reason
