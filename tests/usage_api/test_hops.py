"""What is known of each hop of a call's way."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from metering.counters.traffic import LastReport, MonthTraffic
from metering.period import Period
from metering.source.gap import Gap, Way, minute_of
from metering.source.leg import begun
from metering.source.settings import Stage, broken_stages, broken_subscription
from metering.source.state import SourceState
from tests.usage_api.sources import NOW, THROUGH, Complete, Memory
from usage_api.health import assess
from usage_api.schemas import Hop

MINUTE = minute_of(NOW)
NOVEMBER, OCTOBER = Period("2026-11"), Period("2026-10")
WELL = SourceState(
    checked=MINUTE - 5, legs=(begun(Way.LOGGED, "log", MINUTE), begun(Way.FORWARDED, "log", MINUTE))
)
REPORT = LastReport(NOVEMBER, NOW - timedelta(hours=13), "No drift.", agrees=True, is_complete=True)
ADDED_UP = MonthTraffic(NOVEMBER, NOW, NOW - timedelta(minutes=6), NOW, (), report=REPORT)


def hops(
    source: SourceState = WELL, traffic: MonthTraffic | None = ADDED_UP, through: datetime | None = THROUGH
) -> list[Hop]:
    """All of them."""
    return list(assess(Complete(through), {}, source, NOW, traffic).hops)


def states(*given: Any) -> list[str]:
    """Their states."""
    return [hop.state for hop in hops(*given)]


def test_the_way() -> None:
    """From the gateway to the proof, each with its state, lag and sentence."""
    found = hops()
    assert [
        ("API Gateway", "log group"),
        ("log group", "stream"),
        ("stream", "counters"),
        ("stream", "lake"),
        ("counters and lake", "reconciliation"),
    ] == [(hop.begin, hop.end) for hop in found]
    assert ["ok"] * 5 == [hop.state for hop in found]
    assert [None, None, 63, 360, 13 * 3600] == [hop.lag_seconds for hop in found]
    assert "2026-11: No drift." == found[-1].sentence
    assert all(hop.sentence.endswith(".") and hop.checked_at is not None for hop in found)


def test_settings_of_the_source() -> None:
    """A stage without an access log is a fault of the first hop, a filter that is gone one of the second."""
    stage = Stage("a1", "prod", is_rest=True, name="orders", log_group="log")
    (off,) = broken_stages([stage], {("a1", "prod"): None}, ["log"])
    gone = broken_subscription("log", [], "arn")
    assert gone is not None
    found = hops(msgspec.structs.replace(WELL, faults=(off, gone)))
    assert ["failing", "failing", "ok"] == [hop.state for hop in found[:3]]
    assert found[0].sentence.startswith("Stage prod of API a1")
    assert found[1].sentence.startswith("No subscription filter leads from log")


@pytest.mark.parametrize(("way", "place"), [(Way.LOGGED, 0), (Way.FORWARDED, 1)])
def test_gaps(way: Way, place: int) -> None:
    """Calls that are missing now are named at their hop alone."""
    found = hops(msgspec.structs.replace(WELL, gaps=(Gap(way, "log", MINUTE - 90, MINUTE - 30, 7),)))
    assert [place] == [number for number, hop in enumerate(found) if hop.state == "failing"]
    assert "7 calls" in found[place].sentence


def test_not_looked_at() -> None:
    """What nobody has looked at lately is not known, however well it was."""
    assert ["unknown", "unknown"] == states(SourceState())[:2]
    assert ["unknown", "unknown"] == states(msgspec.structs.replace(WELL, checked=MINUTE - 21))[:2]
    assert ["unknown", "unknown"] == states(msgspec.structs.replace(WELL, legs=()))[:2]
    assert ["unknown", "unknown"] == states(WELL, None)[3:]
    old = msgspec.structs.replace(ADDED_UP, made_at=NOW - timedelta(hours=3))
    assert "unknown" == states(WELL, old)[3]


@pytest.mark.parametrize(("lag", "state"), [(60, "ok"), (200, "behind"), (300, "failing"), (None, "unknown")])
def test_counters(lag: int | None, state: str) -> None:
    """As the meter's status; that calls are missing in front of the stream is not their fault."""
    through = None if lag is None else NOW - timedelta(seconds=lag)
    gap = msgspec.structs.replace(WELL, gaps=(Gap(Way.LOGGED, "log", MINUTE - 9, MINUTE, 7),))
    assert state == states(gap, ADDED_UP, through)[2]


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"delivered_through": NOW - timedelta(minutes=61)}, "behind", "LakeLateAlarm"),
        ({"delivered_through": None}, "unknown", "do not say yet"),
        ({"waiting": 1}, "failing", "1 object waits under errors/"),
        ({"waiting": 1000}, "failing", "1,000 or more objects wait under errors/"),
    ],
)
def test_lake(change: dict[str, Any], state: str, words: str) -> None:
    """Late, not known, or with something that it did not take."""
    hop = hops(WELL, msgspec.structs.replace(ADDED_UP, **change))[3]
    assert state == hop.state
    assert words in hop.sentence


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"agrees": False}, "failing"),
        ({"finished_at": NOW - timedelta(hours=31)}, "behind"),
    ],
)
def test_reconciliation(change: dict[str, Any], state: str) -> None:
    """A difference, and a run that is missing."""
    report = msgspec.structs.replace(REPORT, **change)
    assert state == states(WELL, msgspec.structs.replace(ADDED_UP, report=report))[4]


def test_in_the_first_hour_of_a_month() -> None:
    """What was found last is in the month before."""
    last = msgspec.structs.replace(ADDED_UP, month=OCTOBER)
    memory = Memory(months={OCTOBER: last}, source=WELL)
    assert "ok" == memory.look_ups().health().hops[3].state
    assert "unknown" == changed(memory, months={}).look_ups().health().hops[3].state
