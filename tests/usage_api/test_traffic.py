"""The calls of all keys, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.calls.notes import Reason
from metering.counters.breakdown import BreakdownIndex, EndpointCalls, KeyBreakdown
from metering.counters.traffic import HourCalls, MonthTraffic, UnreadableLines
from metering.period import Period, ends_at
from tests.usage_api.events import of_customer, of_operator
from tests.usage_api.sources import Memory
from tests.usage_api.test_app import Api
from usage_api.traffic import KEPT_SECONDS, MONTHS_KEPT, KeptTraffic
from usage_api.unreadable_lines import ADVICE, UNKNOWN, advice_on

NOVEMBER, OCTOBER = Period("2026-11"), Period("2026-10")
UNTIL = datetime(2026, 11, 24, 18, tzinfo=UTC)
DAY = Period("2026-11-24")
HOURS = (HourCalls(Period("2026-11-23T09"), 10, 1), HourCalls(Period("2026-11-24T07"), 20, 4, 3))
FORMER = (HourCalls(Period("2026-10-24T17"), 40, 0),)
LINES = (UnreadableLines(DAY, "no_status", 2), UnreadableLines(DAY, "xml, unreadable_value", 5))
ROUTES = KeyBreakdown(
    "",
    (
        EndpointCalls("GET", "/b", 200, 7),
        EndpointCalls("GET", "/a", 200, 6),
        EndpointCalls("GET", "/a", 500, 2),
    ),
)


@pytest.fixture
def api() -> Api:
    """Two months that were added up, and the routes of the running one."""
    return Api(
        months={
            NOVEMBER: MonthTraffic(NOVEMBER, UNTIL, UNTIL, UNTIL, HOURS, LINES),
            OCTOBER: MonthTraffic(
                OCTOBER,
                ends_at(OCTOBER),
                None,
                ends_at(OCTOBER),
                (HourCalls(Period("2026-10-24T17"), 40, 0),),
            ),
        },
        breakdowns={NOVEMBER: (BreakdownIndex(NOVEMBER, "run", UNTIL, (), ROUTES), ())},
    )


def test_a_month(api: Api) -> None:
    """Totals, days, hours, growth, reasons and routes; and up to when they are complete."""
    found = api.json(of_operator("/traffic"))
    assert (30, 5, 3) == (found["calls"], found["errors"], found["without_key"])
    assert [("2026-11-23", 10, 1), ("2026-11-24", 20, 4)] == [tuple(one.values()) for one in found["days"]]
    assert ["2026-11-23T09", "2026-11-24T07"] == [one["period"] for one in found["hours"]]
    assert "2026-11-24T18:00:00Z" == found["counted_until"] == found["made_at"]
    assert (OCTOBER, 30, 40) == tuple(
        found["comparison"][name] for name in ("period", "calls", "calls_before")
    )
    assert [("xml, unreadable_value", 5), ("no_status", 2)] == [
        (one["reason"], one["lines"]) for one in found["unreadable"]
    ]
    assert [("/a", 8, 2), ("/b", 7, 0)] == [
        (one["route"], one["calls"], one["errors"]) for one in found["routes"]
    ]


def test_what_was_not_added_up(api: Api) -> None:
    """It says so, and has no numbers."""
    found = api.json(of_operator("/traffic", query={"period": ["2026-09"]}))
    assert (None, None, None, None) == tuple(
        found[name] for name in ("made_at", "counted_until", "routes_until", "comparison")
    )
    assert (0, [], []) == (found["calls"], found["days"], found["routes"])


def test_operators_only(api: Api) -> None:
    """No customer sees what others call."""
    assert 403 == api.problem(of_customer("k1", "/traffic"))[0]


def test_as_a_table(api: Api) -> None:
    """A row an hour."""
    answer = api(of_operator("/traffic", headers={"accept": "text/csv"}))
    assert ["hour,calls,errors", "2026-11-23T09,10,1"] == answer["body"].lstrip("\ufeff").splitlines()[:2]


def test_reads_are_few(api: Api) -> None:
    """The month, the one before, and one index: whatever the number of keys and calls."""
    api.json(of_operator("/traffic"))
    assert ["traffic 2026-11", "traffic 2026-10"] == api.memory.reads


def test_each_reason_has_advice() -> None:
    """What a line lacks, and what to do; an unknown reason leads to the lines themselves."""
    assert set(Reason) == set(ADVICE)
    assert ADVICE[Reason.XML] == advice_on("xml, unreadable_value")
    assert UNKNOWN == advice_on("") == advice_on("of a later version")


def test_kept_for_a_minute() -> None:
    """Each month is read again when it is a minute old, and few are kept."""
    now, source = [100.0], Memory()
    kept = KeptTraffic(source, lambda: now[0])
    for _ in range(3):
        kept.traffic(NOVEMBER)
    now[0] += KEPT_SECONDS
    kept.traffic(NOVEMBER)
    assert 2 == len(source.reads)
    for month in range(1, MONTHS_KEPT + 1):
        kept.traffic(Period(f"2026-{month:02d}"))
    kept.traffic(NOVEMBER)
    assert 2 + MONTHS_KEPT + 1 == len(source.reads)
