"""Numbers in sequence for the documents of a month, without a gap in a series and none twice.

1. A document's place that has a number keeps it, whoever gave it: a job that was killed before it issued
   the document, or one that runs at the same time.
2. All other places get the next numbers of their series by one conditional write. Where somebody else wrote
   first, what he gave counts, and the next place in the series is tried.

A number whose document does not follow is not given again: a job that is repeated issues it, unless late
calls or another tariff have made another document of it. :meth:`Numbering.unused` names those.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from metering.period import Period, months_between
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import place_of
from metering.prices.terms.numbers import DocumentKind, GivenNumber, NumberBatch, NumberSeries
from reconciliation.invoices.ports import NumberRegister


class UnusedNumber(NamedTuple):
    """A number that was given, and that no document has."""

    number: str
    month: Period
    place: str


class Numbering:
    """Gives numbers."""

    def __init__(self, register: NumberRegister, today: Callable[[], date]) -> None:
        self._register = register
        self._today = today

    def numbers(
        self, month: Period, documents: Iterable[InvoiceDocument], series: NumberSeries
    ) -> Mapping[str, GivenNumber]:
        """A number for each document of a month, by its place."""
        places: dict[DocumentKind, list[str]] = {"invoice": [], "credit_note": []}
        for one in documents:
            places[kind_of(one)].append(place_of(one))
        found: dict[str, GivenNumber] = {}
        for kind, wanted in places.items():
            if wanted:
                found |= self._give(month, kind, sorted(wanted), series)
        return found

    def unused(self, since: Period, used: Callable[[Period], Collection[str]]) -> Iterator[UnusedNumber]:
        """Numbers of months from `since` on that no document has. `used` gives those of all documents of a
        month; it is called month by month.
        """
        for month, batches in groupby(self._batches(since), key=attrgetter("month")):
            known = used(month)
            for batch in batches:
                for place, given in batch.numbers():
                    if given.number not in known:
                        yield UnusedNumber(given.number, month, place)

    def _give(
        self, month: Period, kind: DocumentKind, places: list[str], series: NumberSeries
    ) -> dict[str, GivenNumber]:
        today = self._today()
        begins = series.begins(kind, today.year)
        last = next(iter(self._register.batches(begins)), None)
        known: dict[str, GivenNumber] = {}
        for batch in self._batches(month):  # after the last was read: what is newer is met at its place
            if (batch.month, batch.kind) == (month, kind):
                known |= dict(batch.numbers())
        while missing := [place for place in places if place not in known]:
            wanted = NumberBatch(
                series=begins,
                kind=kind,
                batch=last.batch + 1 if last else 1,
                first=last.following if last else 1,
                date=max(today.isoformat(), last.date if last else ""),
                month=month,
                places=missing,
            )
            last = self._register.give(wanted)
            if (last.month, last.kind) == (month, kind):
                known |= dict(last.numbers())
        return {place: known[place] for place in places}

    def _batches(self, since: Period) -> Iterable[NumberBatch]:
        """The batches of months from one on. Batches are in the order of their months, as invoices are; only
        a job that still runs when the next month is invoiced writes one after it.
        """
        for series in self._register.series():
            for batch in self._register.batches(series):
                if months_between(batch.month, since) > 1:
                    break
                if batch.month >= since:
                    yield batch


def kind_of(document: InvoiceDocument) -> DocumentKind:
    """Of which series a document is."""
    return "credit_note" if document.get("kind") == "credit_note" else "invoice"
