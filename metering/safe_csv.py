"""Rows for spreadsheets: CSV (RFC 4180) in which no cell is run.

A cell that a spreadsheet would run as a formula begins with an apostrophe: then it is text.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

Cell = str | int | None

_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a formula begins with; the wide forms are those of East Asian keyboards."""


def defused(text: str) -> str:
    """A text that no spreadsheet runs: one that looks like a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_RUN) else text


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as a file for a spreadsheet, every text defused. Numbers stay numbers, whatever their sign."""
    target = io.StringIO(newline="")
    csv.writer(target).writerows(
        [defused(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return target.getvalue()
