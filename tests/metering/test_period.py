"""Hours, days and months in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import (
    LATEST_MS,
    Period,
    begins_at,
    day_of,
    days_of,
    days_of_week,
    ends_at,
    following,
    hour_at,
    hours_of,
    is_day,
    is_hour,
    is_month,
    month_of,
    parse_month,
    parse_period,
    week_of,
)
from tests.factories import NOON_MS

TIMES_MS = st.integers(0, LATEST_MS)
KINDS = st.sampled_from(
    [hour_at, lambda time_ms: day_of(hour_at(time_ms)), lambda time_ms: month_of(hour_at(time_ms))]
)


@pytest.mark.parametrize(
    ("time_ms", "hour"),
    [
        (0, "1970-01-01T00"),
        (3_599_999, "1970-01-01T00"),
        (3_600_000, "1970-01-01T01"),
        (NOON_MS - 1, "2026-10-31T11"),
        (NOON_MS, "2026-10-31T12"),
        (1_793_491_199_999, "2026-10-31T23"),
        (1_793_491_200_000, "2026-11-01T00"),
        (1_709_164_800_000, "2024-02-29T00"),
        (LATEST_MS, "9998-12-31T23"),
    ],
)
def test_hour_at(time_ms: int, hour: str) -> None:
    """An hour holds its first millisecond and not that of the next."""
    assert hour == hour_at(time_ms)


def test_an_hour_lies_in_its_day_and_month() -> None:
    """And each period in itself."""
    hour = hour_at(NOON_MS)
    assert "2026-10-31" == day_of(hour) == day_of(day_of(hour))
    assert "2026-10" == month_of(hour) == month_of(day_of(hour)) == month_of(month_of(hour))


@given(TIMES_MS, KINDS)
def test_a_time_lies_in_its_periods(time_ms: int, kind: object) -> None:
    """Between the first instant of each and the first one after it."""
    assert callable(kind)
    period = kind(time_ms)
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    assert begins_at(period) <= instant < ends_at(period)
    assert period == parse_period(period)


@given(TIMES_MS, TIMES_MS, KINDS)
def test_names_sort_as_times_do(one: int, another: int, kind: object) -> None:
    """Of one kind of period, so that a range of periods is a range of names."""
    assert callable(kind)
    earlier, later = sorted([one, another])
    assert kind(earlier) <= kind(later)


@pytest.mark.parametrize(
    ("period", "begin", "end"),
    [
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("2024-02", datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-10-31T23", datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
        ("9998-12", datetime(9998, 12, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)),
    ],
)
def test_bounds(period: str, begin: datetime, end: datetime) -> None:
    """The first instant, and the first one after it."""
    assert (begin, end) == (begins_at(Period(period)), ends_at(Period(period)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-1",
        "2026-11-31",
        "2026-02-29",
        "2026-11-05T24",
        "2026-11-05T7",
        "2026-11-05T07:00",
        "2026-11-05 07",
        " 2026-11",
        "2026-11\n",
        "٢٠٢٦-١١",
        "0000-01",
        "9999-12",
        "9999-12-31T23",
    ],
)
def test_no_period(text: str) -> None:
    """What is no month, day or hour is named, with what to write."""
    with pytest.raises(ValueError, match="is not a valid period; write 2026-11") as error:
        parse_period(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("month", "count"), [("2026-02", 28), ("2024-02", 29), ("2026-11", 30), ("2026-12", 31)]
)
def test_days_of(month: str, count: int) -> None:
    """Every day of the month, in order, and no other."""
    days = days_of(Period(month))
    assert count == len(set(days))
    assert (f"{month}-01", f"{month}-{count}") == (days[0], days[-1])
    assert sorted(days) == days
    assert {month} == {month_of(day) for day in days}


def test_hours_of() -> None:
    """24, in order."""
    hours = hours_of(Period("2026-10-31"))
    assert ("2026-10-31T00", "2026-10-31T23", 24) == (hours[0], hours[-1], len(set(hours)))
    assert sorted(hours) == hours


@pytest.mark.parametrize("written", ["2026-10", "2026-10-01", date(2026, 10, 1)])
def test_reads_a_month(written: object) -> None:
    """A month is written as such, or as its first day, which YAML loads as a date."""
    assert parse_month(written) == "2026-10"


@pytest.mark.parametrize(
    "written",
    [
        "2026-13",
        "2026-1",
        "2026-10-02",
        date(2026, 10, 15),
        datetime(2026, 10, 1, tzinfo=UTC),
        202610,
        None,
        "",
    ],
)
def test_refuses_what_is_no_month(written: object) -> None:
    """A day in mid-month is refused too: a month has one price version."""
    with pytest.raises(ValueError, match="is not a month; write it as 2026-10"):
        parse_month(written)


def test_following_crosses_the_year() -> None:
    """December is followed by January."""
    assert ["2026-11", "2027-01"] == [following(parse_month("2026-10")), following(parse_month("2026-12"))]


def test_following_is_any_year() -> None:
    """Whether its number has four digits or is filled with zeros."""
    assert ["0002-01", "9999-01"] == [following(Period(month)) for month in ("0001-12", "9998-12")]


def test_kinds() -> None:
    """A period is of one kind."""
    kinds = (is_month, is_day, is_hour)
    for number, period in enumerate(("2026-11", "2026-11-05", "2026-11-05T07")):
        assert [number == other for other in range(3)] == [kind(period) for kind in kinds]


def test_nobody_else_measures_a_name() -> None:
    """How long the name of a kind is, is known in one module."""
    root = Path(__file__).resolve().parents[2]
    packages = (
        "metering",
        "adapters",
        "stream_processor",
        "usage_api",
        "reconciliation",
        "local_cloud",
        "cli",
    )
    measured = {
        path.name
        for package in packages
        for path in (root / package).rglob("*.py")
        if re.search(r'len\("\d{4}-\d{2}', path.read_text(encoding="utf-8"))
    }
    assert set() == measured


class TestWeek:
    """Weeks begin on Monday, as in ISO 8601: they may lie in two months, and in two years."""

    @pytest.mark.parametrize(
        ("day", "week", "first", "end"),
        [
            ("2026-11-05", "2026-W45", "2026-11-02", "2026-11-09"),
            ("2026-11-01", "2026-W44", "2026-10-26", "2026-11-02"),
            ("2026-12-31", "2026-W53", "2026-12-28", "2027-01-04"),
            ("2027-01-03", "2026-W53", "2026-12-28", "2027-01-04"),
            ("2027-01-04", "2027-W01", "2027-01-04", "2027-01-11"),
            ("2024-12-30", "2025-W01", "2024-12-30", "2025-01-06"),
        ],
    )
    def test_table(self, day: str, week: str, first: str, end: str) -> None:
        """Its name, its first day and its end."""
        found = week_of(Period(day))
        assert week == found
        assert (first, end) == (f"{begins_at(found):%Y-%m-%d}", f"{ends_at(found):%Y-%m-%d}")
        assert (7, first) == (len(days_of_week(found)), days_of_week(found)[0])

    @given(st.dates(date(1971, 1, 1), date(9998, 12, 1)))
    def test_every_day(self, day: date) -> None:
        """Every day lies in its week, and names of weeks sort as their times do."""
        period = Period(day.isoformat())
        week = week_of(period)
        assert period in days_of_week(week)
        following = week_of(Period((day + timedelta(days=7)).isoformat()))
        assert week < following
        assert ends_at(week) == begins_at(following)
