"""Whole numbers as people type them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import typer

_WRITTEN: Final = re.compile(r"([0-9]+(?:[,_][0-9]{3})*)(?:\.([0-9]+))?(?:([kKmMbBgG]?)|[eE]([0-9]{1,2}))")
_ZEROS: Final = {"": 0, "k": 3, "m": 6, "b": 9, "g": 9}


def read_count(text: str) -> int | None:
    """`10000000`, `10,000,000`, `10_000_000`, `10M`, `1e7` or `1.5k`; None for anything that is not a whole
    number.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    digits, fraction = re.sub("[,_]", "", found[1]), (found[2] or "").rstrip("0")
    zeros = int(found[4]) if found[4] else _ZEROS[(found[3] or "").lower()]
    return int(digits + fraction.ljust(zeros, "0")) if len(fraction) <= zeros else None


def count(least: int = 1, most: int | None = None) -> Callable[[str], int]:
    """A reader of an option that takes a count.

    It raises BadParameter for what is not a whole number in this range.
    """

    def whole_number(text: str) -> int:
        number = read_count(str(text))
        if number is not None and number >= least and (most is None or number <= most):
            return number
        span = f"from {least:,}" + (
            ": write 10000000, 10,000,000 or 10M" if most is None else f" to {most:,}"
        )
        raise typer.BadParameter(f"{text!r} is not a whole number {span}")

    return whole_number


whole_number: Final = count()
"""At least 1."""


def of_unknown_size(calls: int) -> str:
    """The calls that add nothing to an amount of bytes, beside it; nothing where there are none."""
    return f"{calls:,} {'call' if calls == 1 else 'calls'} of unknown size" if calls else ""
