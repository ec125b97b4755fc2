from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from metering.prices.month import begins_at, following, month


@pytest.mark.parametrize("written", ["2026-10", "2026-10-01", date(2026, 10, 1)])
def test_reads_a_month(written: object) -> None:
    """A month is written as such, or as its first day, which YAML loads as a date."""
    assert month(written) == "2026-10"


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
        month(written)


def test_following_crosses_the_year() -> None:
    """December is followed by January."""
    assert ["2026-11", "2027-01"] == [following(month("2026-10")), following(month("2026-12"))]


def test_begins_at_utc() -> None:
    """A month begins at midnight UTC."""
    assert datetime(2026, 10, 1, tzinfo=UTC) == begins_at(month("2026-10"))
