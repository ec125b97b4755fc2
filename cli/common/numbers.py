"""Whole numbers as people type them."""

from __future__ import annotations

import re
from typing import Final

import typer

_WRITTEN: Final = re.compile(r"([0-9]+(?:[,_][0-9]{3})*)(?:\.([0-9]+))?([kKmMbBgG]?)")
_ZEROS: Final = {"": 0, "k": 3, "m": 6, "b": 9, "g": 9}


def whole_number(text: str | int) -> int:
    """`10000000`, `10,000,000`, `10_000_000`, `10M` or `1.5k`, at least 1.

    Raises:
        BadParameter: it is no such number.
    """
    found = _WRITTEN.fullmatch(str(text).strip())
    if found is not None:
        digits, fraction = re.sub("[,_]", "", found[1]), (found[2] or "").rstrip("0")
        zeros = _ZEROS[found[3].lower()]
        if len(fraction) <= zeros and (number := int(digits + fraction.ljust(zeros, "0"))) >= 1:
            return number
    raise typer.BadParameter(f"{text!r} is not a whole number from 1: write 10000000, 10,000,000 or 10M")
