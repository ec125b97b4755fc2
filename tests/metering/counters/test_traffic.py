"""The calls of all keys by hour: sums, comparisons, and what a new look replaces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from metering.counters.traffic import Growth, HourCalls, MonthTraffic, UnreadableLines, growth, with_hours
from metering.period import Period, begins_at, ends_at

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")


def traffic(month: Period, until: datetime, *hours: tuple[str, int], **more: object) -> MonthTraffic:
    """A month with so many calls in some hours, a tenth of them failed."""
    calls = tuple(HourCalls(Period(f"{month}-{hour}"), count, count // 10) for hour, count in hours)
    return MonthTraffic(month, until, until, until, calls, **more)  # type: ignore[arg-type]


FORMER = traffic(OCTOBER, ends_at(OCTOBER), ("01T00", 10), ("02T11", 20), ("02T12", 40), ("31T23", 80))
HALF = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (HALF, Growth(HALF, 3, 30)),
        (begins_at(NOVEMBER) + timedelta(hours=1), Growth(begins_at(NOVEMBER) + timedelta(hours=1), 1, 10)),
        (begins_at(NOVEMBER), None),
        (ends_at(NOVEMBER), Growth(ends_at(NOVEMBER), 7, 150)),
    ],
)
def test_growth(until: datetime, expected: Growth | None) -> None:
    """The same days and hours of both months, and of months that are over all of both."""
    assert expected == growth(traffic(NOVEMBER, until, ("01T00", 1), ("02T11", 2), ("02T12", 4)), FORMER)


def test_growth_of_a_longer_month() -> None:
    """What the month before does not have is compared with all of it."""
    march = traffic(Period("2026-03"), datetime(2026, 3, 30, tzinfo=UTC), ("29T12", 5))
    february = traffic(Period("2026-02"), ends_at(Period("2026-02")), ("28T23", 3))
    assert Growth(march.until, 5, 3) == growth(march, february)
    assert growth(march, None) is None


def test_sums() -> None:
    """Days, and all that was before a time."""
    assert [("2026-10-01", 10, 1), ("2026-10-02", 60, 6), ("2026-10-31", 80, 8)] == [
        (one.hour, one.calls, one.errors) for one in FORMER.days
    ]
    assert (30, 3) == (FORMER.before(datetime(2026, 10, 2, 12, tzinfo=UTC)).calls, 3)
    lines = (UnreadableLines(Period("2026-10-01"), "xml", 2), UnreadableLines(Period("2026-10-02"), "xml", 3))
    more = traffic(OCTOBER, HALF, unreadable=(*lines, UnreadableLines(Period("2026-10-02"), "csv", 9)))
    assert [("csv", 9), ("xml", 5)] == list(more.reasons.items())


def test_a_new_look() -> None:
    """It replaces the days that it read, and nothing before."""
    known = traffic(
        NOVEMBER,
        HALF,
        ("01T23", 1),
        ("02T00", 2),
        unreadable=[UnreadableLines(Period("2026-11-02"), "xml", 1)],
    )
    read = [HourCalls(Period("2026-11-02T00"), 3, 0)]
    hours, lines = with_hours(known, datetime(2026, 11, 2, tzinfo=UTC), read, [])
    assert [("2026-11-01T23", 1), ("2026-11-02T00", 3)] == [(one.hour, one.calls) for one in hours]
    assert () == lines
    assert (tuple(read), ()) == with_hours(None, begins_at(NOVEMBER), read, [])
