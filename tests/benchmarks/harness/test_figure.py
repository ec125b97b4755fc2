"""Figures and their targets."""

from __future__ import annotations

import pytest

from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.table import details, number, table


def figure(value: float, target: float, *, at_least: bool = True) -> Figure:
    """A figure with a target."""
    return Figure("speed", "this", "that", value, target, at_least=at_least)


@pytest.mark.parametrize(
    ("value", "at_least", "holds"),
    [(3.0, True, True), (2.9, True, False), (3.0, False, True), (3.1, False, False)],
)
def test_holds(value: float, at_least: bool, holds: bool) -> None:
    """A target is the least or the most that is allowed."""
    assert holds is figure(value, 3.0, at_least=at_least).holds


def test_size() -> None:
    """The short form does less, and no contest has more rounds than are asked for."""
    assert (9, 3) == (Size().of(9, 3), Size(short=True).of(9, 3))
    assert (9, 3) == (Size().rounds(9, 3), Size(short=True).rounds(9, 3))
    assert (1, 1) == (Size(most_rounds=1).rounds(9, 3), Size(short=True, most_rounds=1).rounds(9, 3))


def test_table() -> None:
    """A missed target stands out."""
    lines = table([figure(4.0, 3.0), figure(0.61234, 0.7)]).splitlines()
    assert ["this", "that", "4 x", "at least 3", "holds"] == [
        cell.strip() for cell in lines[2].split("|")[1:-1]
    ]
    assert "| 0.612 x | at least 0.7 | MISSED |" in lines[3]


def test_details() -> None:
    """What else was measured stands in a line of its own; a figure without such has none."""
    hops = Figure("freshness", "this", "that", 1.2, 2.0, details={"to stream, s": 0.01, "all, s": 1.2})
    assert "freshness: to stream, s 0.01, all, s 1.2" == details([figure(4.0, 3.0), hops])


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (166.4, "166"), (3.456, "3.46"), (0.123, "0.123"), (0.00012, "0.00012")],
)
def test_number(value: float, text: str) -> None:
    """Three digits that matter."""
    assert text == number(value)
