"""Rows for spreadsheets."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.results.safe_csv import BYTE_ORDER_MARK, Typed, csv_text, defused, kept

FORMULAS = "=+-@＝＋－＠"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", '"=1', "＝1", "－", "-"])
def test_defused(text: str) -> None:
    """What a spreadsheet would run is text."""
    assert f"'{text}" == defused(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;=1+1;b", "a;'=1+1;b"),
        ('a;"=1+1";b', 'a;\'"=1+1";b'),
        ("a; @x", "a;' @x"),
        ("a|+1", "a|'+1"),
        ("a\n=1", "a\n'=1"),
        ("\na", "'\na"),
        ("\n=1", "'\n'=1"),
        ("a\t=1+1\tb", r"a\t=1+1\tb"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("a\x00=1", r"a\x00=1"),
        ("acme\u202e\u200b", r"acme\u202e\u200b"),
        ("\ufeff=1", r"\ufeff=1"),
    ],
)
def test_other_separators(text: str, expected: str) -> None:
    """Neither is what begins a cell only where a semicolon, a tab or a bar separates them; and no character
    that cannot be seen goes into a cell.
    """
    assert expected == defused(text)


@pytest.mark.parametrize("text", ["a1b2", "2026-11-05", "", "'=1", "a; b-1", "1,-2", "s3://a\ns3://b"])
def test_left_alone(text: str) -> None:
    """What is none stays as it is."""
    assert text == defused(text)


def test_numbers() -> None:
    """A number stays one, whatever its sign, and what is absent is empty."""
    assert f"{BYTE_ORDER_MARK}-5,-2.50,,'-5\r\n" == csv_text([(-5, Decimal("-2.50"), None, "-5")])


def test_more_digits_than_a_spreadsheet_keeps() -> None:
    """A number of more than 15 digits is a text, and keeps them all."""
    cells = (10**15 - 1, 10**15, -(10**15), Decimal("1234567890123.45"), Decimal("12345678901234.56"))
    written = "999999999999999,'1000000000000000,'-1000000000000000,1234567890123.45,'12345678901234.56"
    assert f"{BYTE_ORDER_MARK}{written}\r\n" == csv_text([cells])


IDS = [
    *("1801057e73", "0012345678", "1234567890", "12.5", "1,5", "1'000", "5 %", "€ 5", "1/2", "3-4", "12:30"),
    *("2026-10", "2026-11-05", "2026-11-05T06", "MAR1", "Sep-10", "1 october", "true", "FALSE", " 7 "),
    "92191744219568100725705",
]


@pytest.mark.parametrize("text", IDS)
def test_ids_keep_their_digits(text: str) -> None:
    """What a spreadsheet would take for a number, a date or a truth is a text."""
    assert f"'{text}" == kept(text)


UNCHANGED = ["a1b2c3d4e5", "market", "may", "e5", "k-1", "1801057f73", "", "truest", "10 décembre", "v1"]


@pytest.mark.parametrize("text", UNCHANGED)
def test_ids_that_no_spreadsheet_changes(text: str) -> None:
    """They are left alone."""
    assert text == kept(text)


def test_periods_are_dates() -> None:
    """A spreadsheet may take a period for a date; a name that looks like one stays a name."""
    assert f"{BYTE_ORDER_MARK}2026-10,'2026-10\r\n" == csv_text([(Typed("2026-10"), "2026-10")])


def test_umlauts() -> None:
    """The file begins with the mark by which spreadsheets know UTF-8."""
    assert csv_text([("Müller",)]).encode().startswith(b"\xef\xbb\xbfM\xc3\xbc")


@given(st.text())
def test_no_text_is_a_formula(text: str) -> None:
    """Whatever a text begins with, it is shown and not run; harmless texts are left alone."""
    assert defused(text).lstrip(' "')[:1] not in tuple(FORMULAS)
    assert defused(text) == defused(defused(text))


FRAGMENTS = st.lists(
    st.sampled_from(['"', "'", ";", "\t", ",", "|", "\n", "\r", "=1", "-1", "@", " ", "a", "\x00"])
)


@given(
    st.lists(st.lists(FRAGMENTS.map("".join), min_size=2, max_size=2), min_size=1, max_size=4),
    st.sampled_from(",;\t|"),
)
def test_any_separator(rows: list[list[str]], separator: str) -> None:
    """With whatever separator a spreadsheet reads a file, no cell begins as a formula."""
    content = csv_text(rows)
    assert "\x00" not in content
    content = content.removeprefix(BYTE_ORDER_MARK)
    for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator):
        assert not [cell for cell in row if cell.startswith(tuple(FORMULAS))]


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), min_size=1, max_size=5))
def test_files(rows: list[list[str]]) -> None:
    """No cell breaks out of its place, whatever it holds."""
    content = csv_text(rows).removeprefix(BYTE_ORDER_MARK)
    found = list(csv.reader(io.StringIO(content, newline="")))
    assert [[kept(cell) for cell in row] for row in rows] == found
