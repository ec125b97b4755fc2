"""Numbers of invoices and credit notes: each series counts 1, 2, 3 and so on, and none is given twice.

Numbers are given in batches: each batch of a series is kept once, under the next place in its series, and
begins where the one before ended. So a number belongs to one document's place for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec

from metering.period import Period

NUMBERS_FORMAT: Final = "usage-meter/numbers/1"
_DIGITS: Final = 6

DocumentKind = Literal["invoice", "credit_note"]


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """How the numbers of invoices and of credit notes begin. `{year}` is the year of issue."""

    invoices: str
    credit_notes: str

    def begins(self, kind: DocumentKind, year: int) -> str:
        """How the numbers of a kind begin that are given in a year."""
        pattern = self.credit_notes if kind == "credit_note" else self.invoices
        return pattern.replace("{year}", f"{year:04d}")


class GivenNumber(NamedTuple):
    """A number, and the date on which it was given."""

    number: str
    date: str


class NumberBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that were given together: the first to the first place, and so on."""

    format: str = NUMBERS_FORMAT
    series: str
    kind: DocumentKind
    batch: int
    """Its place in the series, from 1."""
    first: int
    date: str
    month: Period
    places: list[str]
    """Where the documents of the month are kept."""

    @property
    def following(self) -> int:
        """The first number of the next batch."""
        return self.first + len(self.places)

    def numbers(self) -> Iterator[tuple[str, GivenNumber]]:
        """The places with their numbers."""
        for number, place in enumerate(self.places, self.first):
            yield place, GivenNumber(f"{self.series}{number:0{_DIGITS}d}", self.date)
