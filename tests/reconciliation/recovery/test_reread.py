"""Malformed lines that are read again: brought into lake and counters once, whatever happens in between."""

from __future__ import annotations

import itertools
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.s3.month_states import S3Closings
from local_cloud.stack import LocalCloud
from metering.calls.lake_row import LONGEST_RAW
from metering.outcome import MALFORMED_KEY
from metering.period import Period
from metering.proof.recovery import Recovery
from metering.usage import NO_USAGE
from reconciliation.closing import Closer, SealedMonths
from reconciliation.recovery.recoverer import ABANDONED
from reconciliation.recovery.reread import Change, Why
from tests.factories import KEY, NOON_MS, line
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, call, running
from tests.reconciliation.recovery.rereading import (
    OLD,
    SHARD,
    TODAY,
    Desk,
    coded,
    land,
    meter_badly,
    record,
    rows,
)
from tests.reconciliation.repair.repairing import counters, items, run
from tests.reconciliation.repair.shipped_meter import Meter
from tests.reconciliation.repair.strikes import Strike, at_each_write

HOUR_MS = 3_600_000
LAST = Period("2026-10-31")
REWRITE = 3
"""The number of the write that leaves out the malformed row: the note and the rows come before."""
TEXTS = [coded(1), coded(2, apiKeyId="other", code="503"), line(extendedRequestId="good="), "no line"]


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


@pytest.fixture
def moto(on_moto: Deployment) -> Deployment:
    """The one on moto, empty."""
    on_moto.empty()
    return on_moto


def without_watermarks(deployment: Deployment, month: str = OCTOBER) -> list[str]:
    """All counters of a month that hold a call."""
    return [repr(one) for one in counters(deployment, month) if one.usage.requests]


def as_if_read_today(deployment: Deployment, *records: Any) -> list[str]:
    """The counters that the shipped processor makes of these records with today's field map."""
    deployment.cloud.create_tables()
    Meter(deployment, TODAY).process(*records)
    return without_watermarks(deployment)


def state(deployment: Deployment) -> str:
    """What lake and counters hold."""
    return repr((without_watermarks(deployment), rows(deployment)))


class TestReread:
    """Lines that an old field map could not read."""

    def test_brought_in(self, deployment: Deployment) -> None:
        """Lake and counters hold what today's reader makes of the lines, each counter has its audit item, the
        line that is none stays malformed, and another run finds nothing to do.
        """
        batch = meter_badly(deployment, 1, TEXTS)
        desk = Desk(deployment, marks={SHARD: batch.sequence_number})
        found = desk.look()
        assert {
            Change(KEY, LAST, LAST, "no_status"): 1,
            Change("other", LAST, LAST, "no_status"): 1,
        } == found.changes
        assert ({("no_json", "no_json"): 1}, 3) == (found.left, found.lines)
        assert (0, 6) == ((done := desk.reread()).left, done.written)

        assert deployment.reconcile().agrees
        assert {(MALFORMED_KEY, None): 1, (KEY, "200"): 2, ("other", "503"): 1} == Tally(
            (row["apikeyid"], row["status"]) for row in rows(deployment)
        )
        reread = [row for row in rows(deployment) if "reread" in (row["reason"] or "")]
        assert [("reread: was no_status", TEXTS[0]), ("reread: was no_status", TEXTS[1])] == [
            (row["reason"], row["raw"]) for row in reread
        ]
        audits = [
            (item["pk"]["S"], item["sk"]["S"].partition("#")[0]) for item in items(deployment, "repair:")
        ]
        assert [
            (f"repair:{key}", period)
            for key in (MALFORMED_KEY, KEY, "other")
            for period in (OCTOBER, str(LAST))
        ] == audits
        assert all("read again" in item["reason"]["S"] for item in items(deployment, "repair:"))

        held = without_watermarks(deployment)
        assert (0, 0) == ((again := desk.reread()).left, again.written)
        assert [] == list(desk.notes.all())
        assert held == as_if_read_today(deployment, batch)

    def test_replayed_and_redriven(self, deployment: Deployment) -> None:
        """The same record from an old checkpoint finds the watermarks raised; the same delivery redriven from
        the error prefix brings events that the lake has.
        """
        batch = meter_badly(deployment, 1, TEXTS)
        desk = Desk(deployment, marks={SHARD: batch.sequence_number})
        desk.reread()
        held = without_watermarks(deployment)
        assert 0 == Meter(deployment, TODAY).process(batch).metered
        land(deployment, 1, TEXTS, TODAY, name="redriven")
        assert held == without_watermarks(deployment)
        assert deployment.reconcile().agrees

    def test_a_call_that_came_again_well(self, deployment: Deployment) -> None:
        """CloudWatch Logs delivered the line once more, to today's reader: the call is counted already, and
        only the malformed line goes.
        """
        meter_badly(deployment, 1, [coded(1)])
        again = record(2, [coded(1)])
        Meter(deployment, TODAY).process(again)
        land(deployment, 2, [coded(1)], TODAY)
        assert deployment.reconcile().agrees
        assert 0 == Desk(deployment).reread().left
        assert deployment.reconcile().agrees
        assert [(KEY, OCTOBER, 1), (KEY, LAST, 1)] == [
            (one.key, one.period, one.usage.requests) for one in counters(deployment) if one.usage.requests
        ]

    def test_lines_twice_in_the_lake(self, moto: Deployment) -> None:
        """Copies of a malformed row go together."""
        meter_badly(moto, 1, [coded(1)])
        land(moto, 1, [coded(1)], OLD, name="copy")
        assert moto.reconcile().agrees
        assert 0 == Desk(moto).reread().left
        assert moto.reconcile().agrees
        assert [KEY] * 2 == [row["apikeyid"] for row in rows(moto)]

    def test_over_the_end_of_a_month(self, moto: Deployment) -> None:
        """A line that was logged in November, of a call in October, changes both months."""
        logged_at_ms = NOON_MS + 13 * HOUR_MS
        batch = meter_badly(moto, 1, [coded(1)], logged_at_ms)
        assert [] == counters(moto)
        assert 0 == Desk(moto, marks={SHARD: batch.sequence_number}).reread(Period("2026-11")).left
        assert [KEY, KEY] == [one.key for one in counters(moto)]
        assert [] == without_watermarks(moto, "2026-11")
        assert moto.reconcile().agrees
        assert moto.reconcile("2026-11").agrees

    def test_sealed_month(self, moto: Deployment) -> None:
        """What was sealed stays as it was billed; lake and counters have the calls, which is what the next
        invoice prices the month by.
        """
        batch = meter_badly(moto, 1, TEXTS)
        store = S3Closings(moto.s3, moto.settings.lake_bucket)
        queries = moto.sources.queries
        closer = Closer(store, queries, lambda month, _run: moto.reconcile(month), lambda: AFTER, "ops")
        closer.close(OCTOBER, run_id=run())
        assert 0 == Desk(moto, marks={SHARD: batch.sequence_number}).reread().left
        assert moto.reconcile().agrees
        months = SealedMonths(store, queries)
        sealed, now = months.sealed_usage(OCTOBER), months.usage_now(OCTOBER, run_id=run()).usage
        assert [(1, 2), (0, 1)] == [
            (sealed.get(key, NO_USAGE).requests, now[key].requests) for key in (KEY, "other")
        ]


class TestLeft:
    """Lines that are left as they are."""

    @pytest.mark.parametrize(
        ("text", "options", "why"),
        [
            ("{}", {}, "no_status"),
            (coded(1, path="/" + "x" * LONGEST_RAW), {}, Why.CUT),
            (coded(1), {"now": datetime(2026, 11, 1, 12, 14, tzinfo=UTC)}, Why.TOO_RECENT),
            (coded(1), {"complete": datetime(2026, 10, 31, tzinfo=UTC)}, Why.INCOMPLETE),
        ],
    )
    def test_why(self, moto: Deployment, text: str, options: dict[str, Any], why: str) -> None:
        """Still malformed, cut, logged too lately, or of a day that is not complete: nothing is written."""
        meter_badly(moto, 1, [text])
        desk = Desk(moto, **options)
        assert {("no_status", why): 1} == desk.look().left
        assert 0 == desk.reread().written
        assert [MALFORMED_KEY] == [row["apikeyid"] for row in rows(moto)]

    def test_text_not_kept(self, moto: Deployment) -> None:
        """Where personal data is not kept, neither is the text."""
        moto.both([call("1", "2026-10-31T12:00:00", MALFORMED_KEY)])
        assert {("unknown", Why.NO_TEXT): 1} == Desk(moto).look().left

    def test_differing(self, moto: Deployment) -> None:
        """Of a day that differs already, nothing is touched; the other days are read again."""
        meter_badly(moto, 1, [coded(1)])
        meter_badly(moto, 2, [coded(2, requestTimeEpoch=NOON_MS - 48 * HOUR_MS)], NOON_MS - 48 * HOUR_MS)
        moto.edit(KEY, LAST, requests=1, h12=1)
        desk = Desk(moto)
        found = desk.look()
        assert {("no_status", Why.DIFFERS): 1} == found.left
        assert 1 == found.calls
        desk.reread()
        assert [(KEY, "2026-10-31")] == [
            (one.key, one.period) for one in moto.reconcile().differences if one.period != OCTOBER
        ]


class TestInterrupted:
    """A job that ends between two writes, or meets another."""

    @pytest.mark.exhaustive
    def test_killed(self, moto: Deployment) -> None:
        """Wherever a run is killed, and where S3 has left the malformed row out without saying so, the next
        one leads to the same lake and counters, and no call is there twice.
        """
        ends = set()

        def attempt(strike: Strike) -> None:
            moto.empty()
            meter_badly(moto, 1, [coded(1), "no line"])
            Desk(moto, strike.attach).reread()

        def lost_answer() -> Iterator[str]:
            attempt(Strike(REWRITE, "lost answer"))
            yield "lost answer"

        for strike in itertools.chain(at_each_write(attempt, ("before",)), lost_answer()):
            assert 0 == Desk(moto).reread().left, strike
            ends.add(state(moto))
        assert moto.reconcile().agrees
        assert 1 == len(ends)

    @pytest.mark.exhaustive
    def test_two_at_once(self, on_dynamodb_local: Deployment) -> None:
        """A whole run of another, before the rows are written, before the malformed one is left out, and
        before counters are corrected.
        """
        ends = set()
        for at in (2, REWRITE, 4, 6):
            on_dynamodb_local.empty()
            meter_badly(on_dynamodb_local, 1, [coded(1), "no line"])
            other = Meanwhile(at, Desk(on_dynamodb_local).reread)
            Desk(on_dynamodb_local, other.attach).reread()
            assert other.is_done
            assert 0 == Desk(on_dynamodb_local).reread().left, at
            ends.add(state(on_dynamodb_local))
        assert on_dynamodb_local.reconcile().agrees
        assert 1 == len(ends)

    def test_notes(self, moto: Deployment) -> None:
        """The note of a run that has not finished is worked off by the next one, and removed when its run can
        be none any more.
        """
        desk = Desk(moto)
        note = Recovery(id="x", reason="r", who="ops", begun_at=AFTER, raised={"a": {LAST}})
        desk.notes.keep(note)
        desk.recoverer.finish()
        assert [note] == list(desk.notes.all())
        Desk(moto, now=AFTER + ABANDONED + timedelta(seconds=1)).recoverer.finish()
        assert [] == list(desk.notes.all())


class Meanwhile:
    """Does something before the write of that number."""

    def __init__(self, at: int, work: Callable[[], object]) -> None:
        self.is_done = False
        self._at = at
        self._work = work
        self._number = 0

    def attach(self, client: Any) -> Any:
        """The client, watched."""
        for operation in ("dynamodb.TransactWriteItems", "s3.PutObject", "s3.DeleteObject"):
            client.meta.events.register(f"before-call.{operation}", self._before)
        return client

    def _before(self, **_: Any) -> None:
        self._number += 1
        if self._number == self._at:
            self.is_done = True
            self._work()
