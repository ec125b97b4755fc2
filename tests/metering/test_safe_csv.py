"""Rows for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.safe_csv import csv_text, defused

FORMULAS = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－", "-"])
def test_defused(text: str) -> None:
    """What a spreadsheet would run is text."""
    assert f"'{text}" == defused(text)


@pytest.mark.parametrize("text", ["a1b2", "2026-11-05", "", "'=1"])
def test_left_alone(text: str) -> None:
    """What is none stays as it is."""
    assert text == defused(text)


def test_numbers() -> None:
    """A number stays one, whatever its sign, and what is absent is empty."""
    assert "-5,,'-5\r\n" == csv_text([(-5, None, "-5")])


@given(st.text())
def test_no_text_is_a_formula(text: str) -> None:
    """Whatever a text begins with, it is shown and not run; harmless texts are left alone."""
    assert defused(text)[:1] not in tuple(FORMULAS)
    assert text == defused(text).removeprefix("'") or text.startswith("'")


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), min_size=1, max_size=5))
def test_files(rows: list[list[str]]) -> None:
    """No cell breaks out of its place, whatever it holds."""
    rows = [[cell.replace("\x00", "") for cell in row] for row in rows]
    found = list(csv.reader(io.StringIO(csv_text(rows), newline="")))
    assert [[defused(cell) for cell in row] for row in rows] == found
