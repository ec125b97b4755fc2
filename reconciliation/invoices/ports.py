"""What invoicing needs of storage and of the reconciliation.

CannotInvoice   a month that cannot be invoiced at present
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from metering.errors import MeterError
from metering.period import Period
from metering.prices.documents import SourceDocument
from metering.prices.statement import MonthUsage
from metering.prices.terms.numbers import NumberBatch
from metering.usage import Usage
from reconciliation.lake.queries import VERSION_OF_USAGE


class CannotInvoice(MeterError):
    """A month that cannot be invoiced at present. The text says why, and what to do first."""


class InvoiceStore(Protocol):
    """Where issued invoices are kept, by month and account."""

    def months(self) -> Iterable[Period]:
        """The months that have invoices, in order."""
        ...

    def names(self, month: Period) -> Iterable[str]:
        """The names of the objects with the documents of a month, in order."""
        ...

    def contents(self, names: Sequence[str]) -> Iterable[bytes | None]:
        """Such objects, in their order; None: it is gone."""
        ...

    def copied(self, month: Period) -> Iterable[bytes]:
        """The lines of the copy of a month's documents, as far as it can be read."""
        ...

    def copy(self, month: Period, documents: Iterable[bytes]) -> None:
        """Keep a copy of all documents of a month, in place of any that there is."""
        ...

    def decide(self, month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        """Keep the document of an account's month unless there is one; the one that is kept now, and whether
        it was put there by this call.
        """
        ...

    def add(self, month: Period, account: str, name: str, content: bytes) -> bytes:
        """Keep what follows from a document, beside it, unless it is there; what is kept now."""
        ...


class NumberRegister(Protocol):
    """Which numbers were given."""

    def series(self) -> Iterable[str]:
        """The series that have numbers."""
        ...

    def batches(self, series: str) -> Iterable[NumberBatch]:
        """The batches of a series, the last first."""
        ...

    def give(self, batch: NumberBatch) -> NumberBatch:
        """Keep a batch, unless its place in the series is taken; the one that is kept there now."""
        ...


class Sealed(NamedTuple):
    """The usage of a sealed month, as it was sealed."""

    usage: Mapping[str, Usage]
    report: str
    """The id of the reconciliation with which it was sealed."""
    is_accepted: bool = False
    """Whether it was sealed though something differed, which somebody accepted."""
    version: int = VERSION_OF_USAGE
    """Of the query that gave the usage."""


SealedUsage = Callable[[Period], Sealed | None]
"""The usage of a sealed month; None for any other."""


class Proven(NamedTuple):
    """What all keys used in a month, how it can be derived again, and what speaks against it."""

    usage: MonthUsage
    source: SourceDocument
    differing: tuple[str, ...] = ()
    """How the counters and the lake differ, a sentence each."""
    missing: tuple[str, ...] = ()
    """Why the month is not complete, a sentence each."""
    is_gone: bool = False
    """Whether it was sealed with usage, and its Parquet files are no longer there."""
    further: tuple[SourceDocument, ...] = ()
    """Where what was added comes from: the sources of further meters."""

    @property
    def sources(self) -> tuple[SourceDocument, ...]:
        """All of them."""
        return (self.source, *self.further)


class Usages(Protocol):
    """The usage of months, such as :class:`reconciliation.invoices.proven_usage.ProvenUsages`."""

    def billed(self, month: Period) -> Proven:
        """What a month is invoiced by."""
        ...

    def known(self, month: Period) -> Proven:
        """All that is known of a month by now."""
        ...
