"""Rows for spreadsheets: CSV (RFC 4180) in which no cell is run, and every character can be seen.

A text that a spreadsheet would run as a formula gets an apostrophe before it: then it is text. That holds for
each part of a text that becomes a cell of its own where the file is read with another separator, as
spreadsheets of many countries do. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from metering.visible_text import visible_lines

Cell = str | int | None

_FORMULA: Final = re.compile(r'^(?=\n)|(^|[;|\n])(?=[ "]*[=+\-@＝＋－＠])')
"""Where one begins: at the beginning of a text, or behind what separates cells or rows where the comma does
not (a tab is spelled out). The wide signs are those of East Asian keyboards. A line end at the beginning
counts as one, as OWASP has it.
"""


def defused(text: str) -> str:
    """A text that no spreadsheet runs, and in which nothing hides."""
    return _FORMULA.sub(r"\1'", visible_lines(text))


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as a file for a spreadsheet, every text defused. Numbers stay numbers, whatever their sign."""
    target = io.StringIO(newline="")
    csv.writer(target).writerows(
        [defused(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return target.getvalue()
