"""The table of the heaviest keys in terminals of several widths."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.look_up.usage_view import draw_top
from metering.usage import Metric
from usage_api.schemas import TopAnswer, TopEntry, Totals

KEYS = ("customer-0001-production", "9x8y7z6w5v")
"""One a name, one an id as API Gateway gives it."""


def drawn(width: int, metric: Metric = Metric.REQUESTS) -> list[str]:
    """The lines that a terminal of that width shows."""
    totals = Totals(
        requests=1_234_567,
        billable=1_200_000,
        errors=34_567,
        response_bytes=123_456_789_012,
        request_bytes=1_234_567_890,
        latency_ms=99_999_999,
        unknown_response_sizes=0,
        unknown_request_sizes=1_000_000,
    )
    now = datetime(2026, 11, 24, 19, tzinfo=UTC)
    entries = tuple(TopEntry(key=key, totals=totals) for key in KEYS)
    answer = TopAnswer(period="2026-11", metric=metric, as_of=now, complete_through=None, keys=entries)
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    for part in draw_top(answer):
        screen.print(part)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [140, 110, 100, 80, 60, 46])
@pytest.mark.parametrize("metric", Metric)
def test_a_key_is_never_shortened(width: int, metric: Metric) -> None:
    """Nor is the number that orders the keys, in any terminal."""
    lines = drawn(width, metric)
    number = {"requests": "1,234,567", "billable": "1,200,000", "errors": "34,567"}
    number |= {"response_bytes": "123,456,789,012", "request_bytes": "1,234,567,890"}
    for key in KEYS:
        (row,) = [line for line in lines if line.startswith(f"{key} ")]
        assert number.get(metric.value, "") in row
    assert "…" not in "".join(lines)
    assert width >= max(len(line) for line in lines)


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (140, "key requests billable errors response bytes request bytes"),
        (110, "key requests billable errors response bytes request bytes"),
        (80, "key requests billable errors response bytes"),
        (60, "key requests billable errors"),
        (46, "key requests billable"),
    ],
)
def test_bars_and_bytes_go_first(width: int, headings: str) -> None:
    """As many columns as there is room for; the bars are there in the widest only."""
    lines = drawn(width)
    assert headings == " ".join(lines[2].split())
    assert (width == 140) == any("█" in line for line in lines)


def test_a_key_wider_than_the_terminal_goes_on_in_the_next_line() -> None:
    """Every character of it is there."""
    lines = drawn(26)
    table = lines[lines.index("") + 2 :]
    assert "".join(KEYS) == "".join(line.split()[0] for line in table[: table.index("")])
