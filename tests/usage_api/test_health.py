"""The meter's health."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from metering.period import Period
from metering.proof.archive import ArchiveMark
from metering.source.gap import Gap, Way, minute_of
from metering.source.state import SourceState
from metering.usage import Usage
from tests.usage_api.sources import NOW, Complete, Memory, Shard
from usage_api.health import assess, status_of

ON_TIME = NOW - timedelta(seconds=60)


def ago(seconds: int) -> Complete:
    """Complete until so many seconds ago, with one shard on time and one not."""
    then = NOW - timedelta(seconds=seconds)
    return Complete(then, (Shard("shard-2", then), Shard("shard-1", ON_TIME)))


class TestStatus:
    @pytest.mark.parametrize(
        ("lag", "status"),
        [(None, "unknown"), (0, "ok"), (180, "ok"), (181, "behind"), (299, "behind"), (300, "stopped")],
    )
    def test_bounds(self, lag: int | None, status: str) -> None:
        """Behind after three minutes, stopped after five."""
        assert status == status_of(lag)


MINUTE = minute_of(NOW)
GAP = Gap(Way.FORWARDED, "log", MINUTE - 90, MINUTE - 30, 7)


class TestSource:
    def test_calls_that_do_not_reach_the_stream(self) -> None:
        """What is wrong with the settings, and gaps that may still grow, are problems, and health is not
        ok.
        """
        source = SourceState(faults=("no subscription filter leads from log into the stream",), gaps=(GAP,))
        health = assess(ago(90), {}, source, NOW)
        assert "losing" == health.status
        fault, gap = health.problems
        assert fault.startswith("No subscription filter leads from log into the stream.")
        assert "7 calls that were logged to log" in gap

    def test_a_gap_that_is_over(self) -> None:
        """What ended long ago is no problem of now; and what is stopped is stopped."""
        old = msgspec.structs.replace(GAP, begin=MINUTE - 500, end=MINUTE - 400)
        assert "ok" == assess(ago(90), {}, SourceState(gaps=(old,)), NOW).status
        assert "stopped" == assess(ago(400), {}, SourceState(gaps=(GAP,)), NOW).status


class TestHealth:
    def test_ok(self) -> None:
        """Nothing to do; shards in their order."""
        health = assess(ago(90), {}, SourceState(), NOW)
        assert ("ok", 90, ()) == (health.status, health.lag_seconds, health.problems)
        assert [("shard-1", 60), ("shard-2", 90)] == [(one.shard, one.lag_seconds) for one in health.shards]

    def test_restored(self) -> None:
        """A table that was restored has a sentence of its own, which says what to do, whatever the time."""
        for lag in (90, 400):
            health = assess(replace(ago(lag), is_restored=True), {}, SourceState(), NOW)
            (problem,) = health.problems
            assert "was restored to an earlier time" in problem
            assert "usage-meter resume" in problem

    def test_behind(self) -> None:
        """Which shard is late, and where to look."""
        (problem,) = assess(ago(200), {}, SourceState(), NOW).problems
        assert "200 seconds late. Late: shard-2." in problem
        assert "stream processor" in problem

    def test_stopped(self) -> None:
        """Nothing is confirmed any more."""
        (problem,) = assess(ago(400), {}, SourceState(), NOW).problems
        assert "for 400 seconds. Late: shard-2." in problem
        assert "event source mapping" in problem

    def test_heartbeats_missing(self) -> None:
        """Where every shard is on time, the watch is at fault."""
        complete = Complete(NOW - timedelta(seconds=400), (Shard("shard-1", ON_TIME),))
        (problem,) = assess(complete, {}, SourceState(), NOW).problems
        assert "the heartbeats are missing" in problem

    def test_many_shards(self) -> None:
        """A few names are enough."""
        then = NOW - timedelta(seconds=400)
        shards = tuple(Shard(f"shard-{number}", then) for number in range(5))
        (problem,) = assess(Complete(then, shards), {}, SourceState(), NOW).problems
        assert "Late: shard-0, shard-1, shard-2 and 2 more." in problem

    def test_unknown(self) -> None:
        """Nobody knows yet."""
        health = assess(Complete(None), {}, SourceState(), NOW)
        assert ("unknown", None, ()) == (health.status, health.lag_seconds, health.shards)
        assert "heartbeat" in health.problems[0]

    def test_archiving_was_interrupted(self) -> None:
        """A month that is neither in the table nor in its archive as a whole is named, with both ways on."""
        mark = ArchiveMark(Period("2025-06"), "index", "0" * 64, 1_200, 7)
        health = Memory(complete=ago(90), archiving=[mark]).look_ups().health()
        (problem,) = health.problems
        assert "ok" == health.status
        assert problem.startswith("2025-06 is partly archived: 7 of 1,200 batches left the table.")
        for way in ("`usage-meter archive 2025-06`", "`usage-meter archive 2025-06 --restore`"):
            assert way in problem

    def test_not_counted(self) -> None:
        """What could not be read is shown, and what to do about it; calls without a key are no fault."""
        reserved = {
            "-": Usage(requests=9),
            "!malformed": Usage(requests=1234),
            "!undecodable": Usage(requests=2),
        }
        health = assess(ago(90), reserved, SourceState(), NOW)
        assert [9, 1234, 2] == [
            totals.requests
            for totals in (
                health.reserved.unattributed,
                health.reserved.malformed,
                health.reserved.undecodable,
            )
        ]
        assert ["1,234 log", "2 records"] == [" ".join(one.split()[:2]) for one in health.problems]

    def test_one(self) -> None:
        """One line, or record, is called one."""
        reserved = {"!malformed": Usage(requests=1), "!undecodable": Usage(requests=1)}
        malformed, undecodable = assess(ago(90), reserved, SourceState(), NOW).problems
        assert malformed.startswith("1 log line of this month is unreadable.")
        assert undecodable.startswith("1 record of this month holds no access log.")

    def test_clock_ahead(self) -> None:
        """A lag is never negative."""
        assert 0 == assess(ago(-5), {}, SourceState(), NOW).lag_seconds
