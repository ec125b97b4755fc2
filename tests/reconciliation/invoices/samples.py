"""What the tests of invoices share: usage that becomes known month by month, and a shelf that is killed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from metering.bucket_layout import invoice_name
from metering.period import Period
from metering.prices.statement import KeyUsage, MonthUsage
from metering.prices.terms.numbers import NumberBatch
from metering.usage import Usage
from reconciliation.invoices.ports import Proven
from reconciliation.invoices.proven_usage import source_of

LAKE = "s3://lake/lake/"


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Shelves:
    """A shelf in memory. At the write of number `killed_at` the process ends, before or after it happened."""

    kept: dict[tuple[Period, str, str], bytes] = field(default_factory=dict)
    copies: dict[Period, list[bytes]] = field(default_factory=dict)
    """Of all documents of a month."""
    reads: int = 0
    """Documents that were read by themselves."""
    writes: int = 0
    killed_at: int | None = None
    is_written: bool = False
    before_deciding: Callable[[], object] = lambda: None
    before_giving: Callable[[], object] = lambda: None
    given: dict[tuple[str, int], NumberBatch] = field(default_factory=dict)
    """Batches of numbers, by series and place."""

    def months(self) -> list[Period]:
        """The months that have invoices."""
        return sorted({month for month, _, name in self.kept if name == "invoice.json"})

    def names(self, month: Period) -> list[str]:
        """The objects with the documents of a month."""
        found = sorted((place, name) for of_month, place, name in self.kept if of_month == month)
        return [invoice_name(month, place, name) for place, name in found if name == "invoice.json"]

    def contents(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """Some of them."""
        self.reads += len(names)
        by_name = {invoice_name(*place): content for place, content in self.kept.items()}
        return (by_name.get(name) for name in names)

    def documents(self, month: Period) -> Iterator[bytes]:
        """The documents of a month."""
        return (one for one in self.contents(self.names(month)) if one is not None)

    def copied(self, month: Period) -> list[bytes]:
        """The copy of a month's documents."""
        return self.copies.get(month, [])

    def copy(self, month: Period, documents: Iterable[bytes]) -> None:
        """Keep a copy."""
        lines = list(documents)
        self._write(lambda: self.copies.update({month: lines}))

    def decide(self, month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        """Keep a document unless there is one."""
        self.before_deciding()
        is_new = self._put((month, account, "invoice.json"), document)
        return self.kept[month, account, "invoice.json"], is_new

    def add(self, month: Period, account: str, name: str, content: bytes) -> bytes:
        """Keep what follows from it."""
        self._put((month, account, name), content)
        return self.kept[month, account, name]

    def series(self) -> list[str]:
        """The series that have numbers."""
        return sorted({series for series, _ in self.given})

    def batches(self, series: str) -> list[NumberBatch]:
        """The batches of a series, the last first."""
        return [batch for (name, _), batch in sorted(self.given.items(), reverse=True) if name == series]

    def give(self, batch: NumberBatch) -> NumberBatch:
        """Keep a batch unless its place is taken."""
        self.before_giving()
        self._write(lambda: self.given.setdefault((batch.series, batch.batch), batch))
        return self.given[batch.series, batch.batch]

    def _put(self, place: tuple[Period, str, str], content: bytes) -> bool:
        is_new = place not in self.kept
        self._write(lambda: self.kept.setdefault(place, content))
        return is_new

    def _write(self, write: Callable[[], object]) -> None:
        is_last = self.writes == self.killed_at
        self.writes += 1
        if self.is_written or not is_last:
            write()
        if is_last:
            raise Killed


@dataclass
class Known:
    """The usage of months, as far as it is known."""

    usage: dict[Period, dict[str, Usage]] = field(default_factory=lambda: defaultdict(dict))
    sealed: dict[Period, dict[str, Usage]] = field(default_factory=dict)
    differing: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    gone: set[Period] = field(default_factory=set)
    """Months whose Parquet files are no longer there."""

    def add(self, month: Period, key: str, usage: Usage) -> None:
        """Calls became known."""
        self.usage[month][key] = self.usage[month].get(key, Usage()) + usage

    def billed(self, month: Period) -> Proven:
        """As sealed, or as it is known."""
        if month in self.sealed:
            return _proven(month, self.sealed[month], "report-1")
        return self.known(month)

    def known(self, month: Period) -> Proven:
        """As it is known."""
        proven = _proven(month, self.usage[month], None)
        return proven._replace(differing=self.differing, missing=self.missing, is_gone=month in self.gone)


def _proven(month: Period, usage: dict[str, Usage], report: str | None) -> Proven:
    source = source_of(month, LAKE, report)
    keys = tuple(KeyUsage.of(key, one) for key, one in sorted(usage.items()))
    return Proven(MonthUsage(month, keys, source["query"]), source)
