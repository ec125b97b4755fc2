"""Repairs that are killed, that meet batches in flight, and that run beside the meter."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.dynamodb.layout import encode_position
from adapters.dynamodb.repairs import DynamoDBRepairs
from local_cloud.stack import LocalCloud
from metering.billing_rule import BillingRule
from metering.calls.call import Call
from metering.calls.record import StreamRecord, read_record
from metering.period import Period
from metering.proof.correction import Fate
from reconciliation.repair.rebuild import rebuild
from tests.factories import KEY, NOON_MS, delivery, line, stream_record
from tests.reconciliation.month_end import Deployment, call, running
from tests.reconciliation.repair.repairing import (
    Waiting,
    counters,
    fates,
    repair,
    repairer,
    run,
    scope,
    some_calls,
    spoil,
)
from tests.reconciliation.repair.shipped_meter import Meter
from tests.reconciliation.repair.strikes import Strike, at_each_write


@pytest.fixture(scope="module")
def on_moto() -> Iterator[Deployment]:
    """A deployment on moto."""
    yield from running()


@pytest.fixture(scope="module")
def on_dynamodb_local(dynamodb_local: str) -> Iterator[Deployment]:
    """A deployment whose tables are AWS's own engine's."""
    with LocalCloud(dynamodb_endpoint=dynamodb_local) as cloud:
        yield Deployment(cloud)


@pytest.fixture(params=["on_moto", pytest.param("on_dynamodb_local", marks=pytest.mark.exhaustive)])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """Either of them, empty."""
    found: Deployment = request.getfixturevalue(request.param)
    found.empty()
    return found


def record(number: int, *ids: str) -> StreamRecord:
    """A record with a call at noon of 31 October for each id."""
    lines = [line(extendedRequestId=one, apiKeyId=KEY, requestTimeEpoch=str(NOON_MS)) for one in ids]
    return stream_record(delivery(lines), number=number, arrived_at_ms=NOON_MS)


def calls_of(*records: StreamRecord) -> list[Call]:
    """What the records hold."""
    return [one for each in records for one in read_record(each, BillingRule()).calls]


class TestBatches:
    """A repair, and a batch that is repeated or in flight."""

    def test_retry_after_a_repair(self, deployment: Deployment) -> None:
        """A batch that is repeated after a repair is refused as before: watermarks are not touched."""
        meter, batch = Meter(deployment), record(1, "a", "b", "c")
        meter.process(batch)
        deployment.land(calls_of(batch))
        deployment.edit(KEY, "2026-10", requests=-1, d31=-1)
        assert [Fate.WRITTEN] == [fate for _, _, fate in fates(repair(deployment, run()))]
        again = meter.process(batch)
        assert (0, 2) == (again.metered, again.refused)
        assert deployment.reconcile().agrees

    @pytest.mark.parametrize("silent", [7, 10])
    def test_batch_half_applied(self, deployment: Deployment, silent: int) -> None:
        """A batch that has reached the month and not the day, or the other way round, is finished by its
        retry while the repair waits; the repair then leaves alone what has changed.
        """
        meter, batch = Meter(deployment), record(1, "a", "b")
        meter.counters.silent_length = silent
        assert meter.process(batch).failed_from is not None
        deployment.land(calls_of(batch))
        meter.counters.silent_length = 0
        repaired = repair(deployment, run(), Waiting([lambda: meter.process(batch)]))
        assert 0 == repaired.written
        assert deployment.reconcile().agrees

    def test_without_waiting(self, deployment: Deployment) -> None:
        """What the waiting is for: a repair that did not wait would count a batch in flight twice."""
        meter, batch = Meter(deployment), record(1, "a")
        deployment.land(calls_of(batch))
        repair(deployment, run())
        meter.process(batch)
        (difference, *_) = deployment.reconcile().differences
        assert (2, 1) == (difference.counted.requests, difference.in_lake.requests)
        repair(deployment, run())
        assert deployment.reconcile().agrees

    def test_batch_given_up(self, deployment: Deployment) -> None:
        """A batch that Lambda gave up was claimed and half counted; the repair counts the rest, and a copy of
        its events that comes later is nobody's.
        """
        meter, lost = Meter(deployment), record(1, "a", "b")
        meter.counters.silent_length = 10
        meter.process(lost)
        meter.counters.silent_length = 0
        deployment.land(calls_of(lost))
        repair(deployment, run())
        assert deployment.reconcile().agrees
        assert (0, 1) == (
            (copied := meter.process(record(2, "a"))).metered,
            copied.duplicates,
        )
        meter.process(after := record(3, "c"))
        deployment.land(calls_of(after), name="after")
        assert deployment.reconcile().agrees


class TestReplay:
    """Records that come again after a repair: from an old checkpoint, a mapping that was made anew, or an
    invocation that outlived its batch.
    """

    SHARD = "shardId-000000000000"

    @pytest.mark.parametrize("silent", [(7, 10), (10,)], ids=["nothing-applied", "months-only"])
    def test_batch_given_up_and_repaired(self, deployment: Deployment, silent: tuple[int, ...]) -> None:
        """The repair raises the watermarks with the addition, so that the batch finds itself counted."""
        meter, lost, other = Meter(deployment), record(1, "a", "b"), record(2, "c")
        meter.counters.silent_lengths = silent
        assert meter.process(lost).failed_from is not None
        meter.counters.silent_lengths = ()
        meter.process(other)
        deployment.land(calls_of(lost))
        deployment.land(calls_of(other), name="other")
        repair(deployment, run(), Waiting(marks={self.SHARD: other.sequence_number}))
        assert deployment.reconcile().agrees
        for again in (lost, other):
            assert 0 == meter.process(again).metered
        assert deployment.reconcile().agrees

    def test_rebuilt_table(self, deployment: Deployment) -> None:
        """A table that was lost has no watermarks; the rebuild gives its counters the marks of the shards."""
        meter, batch = Meter(deployment), [record(1, "a", "b"), record(2, "c")]
        meter.process(*batch)
        deployment.land([one for each in batch for one in calls_of(each)])
        deployment.cloud.create_tables()
        marks = {self.SHARD: batch[-1].sequence_number}
        rebuild(repairer(deployment, Waiting(marks=marks)), scope(run()))
        assert (0, 2) == (
            (again := Meter(deployment).process(*batch)).metered,
            again.refused,
        )
        assert deployment.reconcile().agrees

    def test_what_comes_after_the_mark(self, deployment: Deployment) -> None:
        """It is counted as ever."""
        meter, batch, after = Meter(deployment), record(1, "a"), record(2, "b")
        deployment.land(calls_of(batch))
        repair(deployment, run(), Waiting(marks={self.SHARD: batch.sequence_number}))
        meter.process(after)
        deployment.land(calls_of(after), name="after")
        assert deployment.reconcile().agrees

    def test_a_shard_of_another_slice(self, deployment: Deployment) -> None:
        """Its watermark lies in the slice to which it adds, also where that holds nothing yet."""
        lost = calls_of(record(1, "a"))
        deployment.land(lost)
        far = "shardId-000000000020"
        repair(deployment, run(), Waiting(marks={self.SHARD: 5, far: 7}))
        held = DynamoDBRepairs(deployment.dynamodb, deployment.settings.counters_table).read(
            KEY, Period("2026-10")
        )
        assert [
            {0: {"w0": encode_position(5)}, 1: {"w20": encode_position(7)}},
            {0: {"w0": encode_position(5)}, 1: {"w20": encode_position(7)}},
        ] == [{one.number: dict(one.watermarks) for one in each.slices} for each in held.values()]
        assert deployment.reconcile().agrees

    def test_a_higher_watermark_stays(self, deployment: Deployment) -> None:
        """A mark is only ever a step up."""
        meter = Meter(deployment)
        meter.process(first := record(3, "a"))
        deployment.land([*calls_of(first), *calls_of(record(4, "b"))])
        repair(deployment, run(), Waiting(marks={self.SHARD: 1}))
        assert 0 == meter.process(first).metered
        assert deployment.reconcile().agrees


class TestKilled:
    """A job that ends between two writes, and is run again."""

    @pytest.mark.exhaustive
    def test_repair(self, deployment: Deployment) -> None:
        """Wherever a repair is killed, and whichever answer is lost, the next leads to the same counters."""
        calls = some_calls(random.Random(3), 5, "a")
        deployment.land(calls)
        ends = set()

        def attempt(strike: Strike) -> None:
            deployment.cloud.create_tables()
            deployment.count(calls[:2])
            spoil(random.Random(5), deployment, "a")
            dynamodb = strike.attach(deployment.cloud.client("dynamodb"))
            found = repairer(deployment, dynamodb=dynamodb).prepare(scope(run()))
            found.carry_out(found.plans())

        for _ in at_each_write(attempt):
            repair(deployment, run())
            ends.add(tuple(map(repr, counters(deployment))))
        assert 0 == repair(deployment, run()).written
        assert deployment.reconcile().agrees
        assert 1 == len(ends)

    def test_rebuild(self, deployment: Deployment) -> None:
        """So does a rebuild."""
        calls = some_calls(random.Random(4), 3, "a")
        deployment.both(calls)
        as_counted = counters(deployment)

        def attempt(strike: Strike) -> None:
            deployment.cloud.create_tables()
            dynamodb = strike.attach(deployment.cloud.client("dynamodb"))
            rebuild(repairer(deployment, dynamodb=dynamodb), scope(run()), concurrency=1)

        for strike in at_each_write(attempt):
            rebuild(repairer(deployment), scope(run()), correct=True)
            assert as_counted == counters(deployment), strike


def test_two_threads_repair(on_dynamodb_local: Deployment) -> None:
    """Several repairs at the same moment correct each counter once."""
    deployment = on_dynamodb_local
    deployment.empty()
    deployment.land(calls := some_calls(random.Random(11), 30, "abcd"))
    deployment.count(calls[::2])
    prepared = [repairer(deployment).prepare(scope(run())) for _ in range(3)]
    plans = [list(one.plans()) for one in prepared]
    threads = [
        threading.Thread(target=one.carry_out, args=(plan, 4))
        for one, plan in zip(prepared, plans, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert deployment.reconcile().agrees


def test_beside_the_meter(on_dynamodb_local: Deployment) -> None:
    """Threads that count calls while repairs run: no call is lost, and none counted twice.

    The calls of today go on; those of the 5th differ, and are repaired again and again.
    """
    deployment = on_dynamodb_local
    deployment.empty()
    generator = random.Random(7)
    old = [one for one in some_calls(generator, 60, "ab") if one.time_ms < 1_792_000_000_000]
    deployment.land(old)
    deployment.count(old[::2])
    today = [call(f"today-{number}", "2026-10-31T20:00:00", "ab"[number % 2]) for number in range(320)]
    deployment.land(today, name="today")
    through = datetime(2026, 10, 31, tzinfo=UTC)

    def count(shard: int) -> None:
        for one in today[shard::4]:
            deployment.count([one], shard=shard * 6)

    threads = [threading.Thread(target=count, args=(shard,)) for shard in range(4)]
    for thread in threads:
        thread.start()
    made: list[Fate] = []
    while any(thread.is_alive() for thread in threads):
        deployment.edit("a", "2026-10-05", requests=1, h07=1)
        repaired = repair(deployment, run(), complete_through=through)
        made += [fate for _, _, fate in fates(repaired)]
    for thread in threads:
        thread.join()
    repair(deployment, run(), complete_through=through)
    last = repair(deployment, run(), complete_through=through)
    assert (0, 0) == (last.written, last.left)
    assert Fate.WRITTEN in made
    assert deployment.reconcile().agrees
