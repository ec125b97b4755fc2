"""The chart of days and hours."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.look_up.usage_chart import HEIGHT, ChartColumn, UsageChart, bar, eighths


def drawn(values: list[int], width: int = 110) -> list[str]:
    """The lines of a chart."""
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    screen.print(UsageChart([ChartColumn(f"{number:02d}h", value) for number, value in enumerate(values)]))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def test_as_it_is_drawn() -> None:
    """Columns over an axis, the scale on the left, the first and last named below."""
    assert [
        "1,200 │██",
        "      │██",
        "      │██",
        "      │██",
        "      │██    ▄▄",
        "      │██    ██",
        "    0 └─────────",
        "       00h   02h",
    ] == drawn([1200, 0, 300])


def test_nothing() -> None:
    """Without columns there is nothing to draw; without values the columns are empty."""
    assert [] == drawn([])
    lines = drawn([0, 0])
    assert ["0 │"] + ["  │"] * (HEIGHT - 1) == lines[:HEIGHT]


@pytest.mark.parametrize(("count", "width"), [(31, 110), (31, 80), (24, 40), (92, 110), (92, 100)])
def test_it_fits(count: int, width: int) -> None:
    """A month, a day and the longest range fit, also a narrow terminal."""
    assert all(len(line) <= width for line in drawn(list(range(count)), width))


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=92).filter(any))
def test_what_is_there_is_seen(values: list[int]) -> None:
    """The highest reaches the top, what is there is never drawn as nothing, and the order is kept."""
    heights = [eighths(value, max(values)) for value in values]
    assert 8 * HEIGHT == max(heights)
    assert [value > 0 for value in values] == [height > 0 for height in heights]
    by_value = sorted(zip(values, heights, strict=True))
    assert [height for _, height in by_value] == sorted(heights)


def test_bar() -> None:
    """As long as the value is large; one of very many is seen, none is not."""
    assert ["", "█", "██", "████"] == [bar(value, 1000, width=4) for value in (0, 1, 500, 1000)]
