"""What may be asked for."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_api.parameters import (
    DAY_PATTERN,
    KEY_PATTERN,
    MONTH_PATTERN,
    PERIOD_PATTERN,
    days_between,
    decoded,
)
from usage_api.problems import BadRequest

DAYS = st.dates(date(2000, 1, 1), date(2999, 12, 31))


class TestPatterns:
    def test_every_day_of_a_thousand_years(self) -> None:
        """Each day that there is from 2000 to 2999 is taken, leap days included."""
        pattern = re.compile(DAY_PATTERN)
        count = (date(3000, 1, 1) - date(2000, 1, 1)).days
        days = [date(2000, 1, 1) + timedelta(days=number) for number in range(count)]
        assert [] == [day for day in days if not pattern.fullmatch(day.isoformat())]

    def test_no_other_day(self) -> None:
        """No day is taken that there is not: of all that look like one in four years and a century."""
        pattern = re.compile(DAY_PATTERN)
        looks = (
            f"{year}-{month:02d}-{day:02d}"
            for year in (2025, 2026, 2027, 2028, 2100, 2400)
            for month in range(14)
            for day in range(33)
        )
        assert [] == [text for text in looks if pattern.fullmatch(text) and not is_day(text)]

    @pytest.mark.parametrize("text", ["2026-11", "2026-11-05", "2000-01", "2999-12-31"])
    def test_periods(self, text: str) -> None:
        """Months and days."""
        assert re.fullmatch(PERIOD_PATTERN, text)

    @pytest.mark.parametrize(
        "text", ["2026-11-05T07", "2026", "2026-13", "1999-12", "２026-11", "2026-11 ", ""]
    )
    def test_no_periods(self, text: str) -> None:
        """No hours, no years, nothing that only looks like a digit."""
        assert not re.fullmatch(PERIOD_PATTERN, text)
        assert not re.fullmatch(MONTH_PATTERN, text)

    @pytest.mark.parametrize(
        "key", ["a1b2c3d4e5", "auth0|5f", "a/b", "...", "<b>", "ä@example.com", "-", "!malformed"]
    )
    def test_keys(self, key: str) -> None:
        """All that a counter may be named after."""
        assert re.fullmatch(KEY_PATTERN, key)

    @pytest.mark.parametrize("key", ["", "a\n", "a\x00b", "a\x7f", "a\u2028", "\ufffd", ".", "..", "!other"])
    def test_no_keys(self, key: str) -> None:
        """What no line of an access log may name."""
        assert not re.fullmatch(KEY_PATTERN, key)


class TestRanges:
    @given(first=DAYS, length=st.integers(0, 91))
    def test_ranges(self, first: date, length: int) -> None:
        """Up to 92 days, both ends included."""
        last = min(first + timedelta(days=length), date(2999, 12, 31))
        assert (str(first), str(last)) == days_between(str(first), str(last))

    def test_none(self) -> None:
        """Without both ends there is no range."""
        assert days_between(None, None) is None

    @pytest.mark.parametrize(
        ("first", "last", "why"),
        [
            ("2026-11-01", None, "two ends"),
            (None, "2026-11-30", "two ends"),
            ("2026-11-02", "2026-11-01", "exchange them"),
            ("2026-01-01", "2026-04-03", "93 days; request at most 92"),
        ],
    )
    def test_refused(self, first: str | None, last: str | None, why: str) -> None:
        """The way out is named."""
        with pytest.raises(BadRequest, match=why):
            days_between(first, last)


class TestDecoding:
    @pytest.mark.parametrize(
        ("segment", "text"),
        [("a%2Fb", "a/b"), ("%3Cimg%3E", "<img>"), ("a+b", "a+b"), ("100%2525", "100%25"), ("%C3%A4", "ä")],
    )
    def test_once(self, segment: str, text: str) -> None:
        """Once and never again; a plus is a plus."""
        assert text == decoded(segment)

    def test_damaged(self) -> None:
        """What is no UTF-8 is refused, not repaired."""
        with pytest.raises(ValueError, match="utf-8"):
            decoded("%ff")


def is_day(text: str) -> bool:
    """Whether there is such a day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
