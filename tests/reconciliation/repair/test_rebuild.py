"""Counters made from the lake alone."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from metering.counters.counter import Counter
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY, UNDECODABLE_KEY
from metering.period import Period
from metering.usage import Usage
from reconciliation.repair.rebuild import rebuild
from reconciliation.repair.rebuild_undecodable import RecordSpan, undecodable_by_hour, undecodable_days
from reconciliation.repair.scope import NotRepairableError
from tests.examples import sampled
from tests.reconciliation.month_end import OCTOBER, Deployment, call, running
from tests.reconciliation.repair.repairing import Waiting, counters, repairer, run, scope, some_calls

SEVEN = Period("2026-10-05T07")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


@pytest.fixture
def deployment(cloud: Deployment) -> Deployment:
    """The deployment, empty."""
    cloud.empty()
    return cloud


def failed(data: bytes, when: str) -> bytes:
    """A document of Firehose's about a record."""
    arrived = round(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)
    return json.dumps({"rawData": b64encode(data).decode(), "arrivalTimestamp": arrived}).encode()


class TestRebuild:
    """On the local cloud."""

    @pytest.mark.parametrize("seed", sampled(range(3), 1))
    def test_from_an_empty_table(self, deployment: Deployment, seed: int) -> None:
        """The same counters as the live path gave: totals, fingerprints and parts, of reserved keys too."""
        keys = ["a", "b", UNATTRIBUTED_KEY, MALFORMED_KEY]
        calls = some_calls(random.Random(seed), 60, keys)
        calls.append(call("september", "2026-09-30T23:59:59.999"))
        deployment.both(calls)
        as_counted = counters(deployment)
        deployment.cloud.create_tables()
        barrier = Waiting()
        rebuilt = rebuild(repairer(deployment, barrier), scope(run()))
        assert as_counted == counters(deployment)
        assert (len(as_counted), 4, 1) == (rebuilt.written, rebuilt.keys, barrier.passed)
        assert [] == counters(deployment, "2026-09")

    def test_live_path_goes_on(self, deployment: Deployment) -> None:
        """Calls that come afterwards are added to what was rebuilt."""
        old, new = call("1", "2026-10-05T07:00:00"), call("2", "2026-10-05T07:10:00")
        deployment.land([old])
        rebuild(repairer(deployment), scope(run()))
        deployment.count([new])
        deployment.land([new], name="new")
        assert deployment.reconcile().agrees

    def test_table_with_counters(self, deployment: Deployment) -> None:
        """Counters that are there are left alone, unless they are to be corrected."""
        deployment.both([call("1", "2026-10-05T07:00:00")])
        deployment.edit("a", OCTOBER, requests=4)
        with pytest.raises(NotRepairableError, match="--correct"):
            rebuild(repairer(deployment), scope(run()))
        assert not deployment.reconcile().agrees
        assert 1 == rebuild(repairer(deployment), scope(run()), correct=True).written
        assert deployment.reconcile().agrees

    def test_key_and_day(self, deployment: Deployment) -> None:
        """A key, or a day, by itself."""
        deployment.land([call("1", "2026-10-05T07:00:00", "a"), call("2", "2026-10-06T07:00:00", "b")])
        rebuild(repairer(deployment), scope(run(), keys={"b"}))
        assert {"b"} == {one.key for one in counters(deployment)}
        rebuild(repairer(deployment), scope(run(), days={Period("2026-10-05")}), correct=True)
        assert deployment.reconcile().agrees

    def test_undecodable(self, deployment: Deployment) -> None:
        """Records that cannot be decoded are counted from the error prefix, by their number."""
        deployment.fail(failed(b"?", "2026-10-05T07:00:00") + failed(b"!", "2026-10-05T07:00:00"))
        rebuild(repairer(deployment), scope(run()))
        assert [(Usage(2), {"05": 2}), (Usage(2), {"07": 2})] == [
            (one.usage, one.parts) for one in counters(deployment) if one.key == UNDECODABLE_KEY
        ]
        assert deployment.reconcile().agrees


class TestUndecodable:
    """Records that cannot be decoded, by hour. Pure."""

    def test_equal_records(self) -> None:
        """Two equal ones may be one that lies there twice."""
        twice = failed(b"?", "2026-10-05T07:00:00") * 2
        objects = [("errors/processing-failed/x", twice), ("errors/format-conversion-failed/x", twice)]
        assert {SEVEN: RecordSpan(1, 2)} == undecodable_by_hour(objects, OCTOBER)
        assert {} == undecodable_by_hour(objects, Period("2026-11"))

    def test_what_is_no_document(self) -> None:
        """It is passed over: a reconciliation names it."""
        assert {} == undecodable_by_hour([("errors/processing-failed/x", b'{"a": 1} no json')], OCTOBER)

    @pytest.mark.parametrize(("counted", "wanted"), [(0, 1), (1, 1), (2, 2), (5, 2)])
    def test_nearest(self, counted: int, wanted: int) -> None:
        """What is counted stays where it can be true."""
        day = Period("2026-10-05")
        before = {day: Counter(UNDECODABLE_KEY, day, Usage(counted), {"07": counted})}
        (found,) = undecodable_days(before, {SEVEN: RecordSpan(1, 2)}).values()
        assert (wanted, {"07": wanted}) == (found.usage.requests, found.parts)

    def test_counted_and_not_there(self) -> None:
        """An hour without records is brought to nothing."""
        day = Period("2026-10-05")
        before = {day: Counter(UNDECODABLE_KEY, day, Usage(3), {"07": 3})}
        (found,) = undecodable_days(before, {}).values()
        assert 0 == found.usage.requests
