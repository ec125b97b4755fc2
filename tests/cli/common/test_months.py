"""Months and days as a user writes them."""

import pytest
import typer

from cli.common.months import day_option, month_argument, month_or_day


def test_what_is_written_as_it_should_be() -> None:
    """Is taken as it is."""
    assert ["2026-11", "2026-11-05"] == [month_argument("2026-11"), day_option("2026-11-05")]
    assert ["2026-11", "2026-11-05"] == [month_or_day("2026-11"), month_or_day("2026-11-05")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-05", "2026-11-05 is a day, and a month is needed: write 2026-11 (UTC)"),
        ("2026-10-05T07", "2026-10-05T07 is an hour, and a month is needed: write 2026-10 (UTC)"),
        ("2026/10", "'2026/10' is not a valid month: write 2026-10 (UTC)"),
        ("202610", "'202610' is not a valid month: write 2026-10 (UTC)"),
        ("2026-9", "'2026-9' is not a valid month: write 2026-09 (UTC)"),
        ("October 2026", "'October 2026' is not a valid month: write 2026-10 (UTC)"),
        ("2026-13", "'2026-13' is not a valid month: write 2026-11 (UTC)"),
        ("october", "'october' is not a valid month: write 2026-11 (UTC)"),
    ],
)
def test_what_is_no_month(text: str, message: str) -> None:
    """Is refused with the month that was meant, or an example; never with what the command does not take."""
    with pytest.raises(typer.BadParameter) as refused:
        month_argument(text)
    assert message == refused.value.message


def test_what_is_no_day() -> None:
    """The same of days, and of what may be either."""
    for read, text, message in (
        (day_option, "2026-11", "2026-11 is a month, and a day is needed: write 2026-11-05 (UTC)"),
        (day_option, "2026.10.5", "'2026.10.5' is not a valid day: write 2026-10-05 (UTC)"),
        (day_option, "2026-02-30", "'2026-02-30' is not a valid day: write 2026-11-05 (UTC)"),
        (month_or_day, "2026-10-05T07", "is an hour, and a month or day is needed: write 2026-10-05 (UTC)"),
        (month_or_day, "november", "is not a valid month or day: write 2026-11 or 2026-11-05 (UTC)"),
    ):
        with pytest.raises(typer.BadParameter) as refused:
            read(text)
        assert message in refused.value.message
