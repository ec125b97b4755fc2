"""Tables for spreadsheets: CSV (RFC 4180, UTF-8) that opens right, in which no cell is run, and every
character can be seen.

A file begins with a byte-order mark, by which spreadsheets know UTF-8. An apostrophe comes before a text

- that a spreadsheet would run as a formula, also for each part that becomes a cell of its own where the file
  is read with another separator, as spreadsheets of many countries do
  (https://owasp.org/www-community/attacks/CSV_Injection);
- that it would read as a number, a date or a truth, and change: an id of digits loses its zeros, `1801057e73`
  becomes an exponent, `MAR1` a day in March.

A number of more digits than a spreadsheet keeps is such a text, too. Programs read the JSON beside a table.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from metering.visible_text import visible_lines

BYTE_ORDER_MARK: Final = "\ufeff"
DIGITS_KEPT: Final = 15
"""A spreadsheet keeps so many digits of a number, and makes zeros of the others."""

_FORMULA: Final = re.compile(r'^(?=\n)|(^|[;|\n])(?=[ "]*[=+\-@＝＋－＠])')
"""Where one begins: at the beginning of a text, or behind what separates cells or rows where the comma does
not (a tab is spelled out). The wide signs are those of East Asian keyboards. A line end at the beginning
counts as one, as OWASP has it.
"""
_MONTHS: Final = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
_CHANGED: Final = re.compile(
    r"\s*(?:"
    r"[$€£¥(.]*\s*\d[\d.,'\s]*(?:[ed][+-]?\d+)?\s*[%$€£¥)]*"  # a number, an exponent, money
    r"|\d{1,4}[-/.:]\d{1,4}(?:[-/.:]\d{1,4})*(?:[ t]\d.*|\s*[ap]m?)?"  # a date or a time
    rf"|\d{{1,4}}[-/. ]*(?:{_MONTHS})[-/., ]*\d{{0,4}}|(?:{_MONTHS})[-/., ]*\d{{1,4}}"  # a day in a month
    r"|true|false"
    r")\s*",
    re.IGNORECASE | re.ASCII,
)


class Typed(str):
    """A period, a time or a truth, which a spreadsheet rightly takes for what it is."""

    __slots__ = ()


Cell = str | int | Decimal | None


def defused(text: str) -> str:
    """A text that no spreadsheet runs, and in which nothing hides."""
    return _FORMULA.sub(r"\1'", visible_lines(text))


def kept(text: str) -> str:
    """The same, which no spreadsheet takes for anything but a text either."""
    return f"'{text}" if _CHANGED.fullmatch(text) else defused(text)


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as a file for a spreadsheet. Numbers stay numbers, whatever their sign."""
    return "".join(csv_lines(rows))


def csv_lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The same file, part by part: one for each row, as long as they are more than memory holds."""
    yield BYTE_ORDER_MARK
    write = csv.writer(_LineReturner()).writerow  # it returns what the file's `write` does
    for row in rows:
        yield write([_written(cell) for cell in row])


class _LineReturner:
    """In place of a file: a line is returned, not kept."""

    def write(self, line: str) -> str:
        return line


def _written(cell: Cell) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, Typed):
        return defused(cell)
    if isinstance(cell, str):
        return kept(cell)
    number = f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    return f"'{number}" if sum(map(str.isdigit, number)) > DIGITS_KEPT else number
