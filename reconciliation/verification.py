"""Verification: all that decides billing, held against the chain, and the lake's rows against the sealings.

Nothing is written, and everything that is wrong is named: not only the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from metering.bucket_layout import state_name
from metering.period import Period
from metering.proof.billing_chain import NO_HEAD, Head, ReadChain, digest_of
from metering.proof.month_state import Closing, DayDigest
from reconciliation.billing_chain import BillingChain, LinkedObjects, Objects
from reconciliation.closing import decode_names
from reconciliation.lake.row_digests import MOST_LEFT_OUT, MonthRows, month_rows, objects_of_rows
from reconciliation.ports import OnProgress, Queries, StepProgress

MOST_NAMED: Final = 3
_decode_state: Final = msgspec.json.Decoder(Closing).decode


@dataclass
class Verification:
    """What was found."""

    links: int = 0
    head: Head = NO_HEAD
    objects: int = 0
    """Objects that were held against the chain."""
    days: int = 0
    """Days whose rows were derived again and are those that were billed."""
    late_rows: int = 0
    """Rows of sealed months that came after the sealing."""
    faults: list[str] = field(default_factory=list)
    """What is wrong, a sentence each."""
    notes: list[str] = field(default_factory=list)
    """What could not be looked at, a sentence each."""


class _LinkedMonths:
    """The objects that links name: those of one month at a time, which is as many as there are invoices."""

    def __init__(self, chain: BillingChain, read: ReadChain) -> None:
        self._chain = chain
        self._read = read
        self._last: tuple[Period, LinkedObjects] | None = None
        self.months = sorted({Period(month) for link in read.links for month in link.lists})

    def of(self, month: Period) -> LinkedObjects:
        """Those of a month; its lists are read again, unless it is the one that was last asked for."""
        if self._last is None or self._last[0] != month:
            self._last = None
            self._last = month, self._chain.linked(self._read, month)
        return self._last[1]


class Verifier:
    """Verifies one deployment."""

    def __init__(
        self,
        chain: BillingChain,
        queries: Queries,
        run_id: str,
        on_progress: OnProgress = lambda _progress: None,
    ) -> None:
        """`run_id` names the queries: one run asks for each once."""
        self._chain = chain
        self._queries = queries
        self._run_id = run_id
        self._on_progress = on_progress

    def verify(
        self, heads: Collection[Head] = (), rows_of: Callable[[Period], bool] = lambda _month: True
    ) -> Verification:
        """Look at the chain and at all objects, and derive the rows of those sealed months again for which
        `rows_of` says so. `heads` are heads of the chain that somebody has kept.

        Raises:
            MeterError: something could not be read.
        """
        chain = self._chain.read(*heads)
        found = Verification(len(chain.links), chain.head, faults=list(chain.faults))
        self._head(chain, heads, found)
        linked = _LinkedMonths(self._chain, chain)
        for month in linked.months:
            found.faults += linked.of(month).faults
        for month in linked.months:
            self._objects(linked.of(month).objects, found)
        self._unlinked(linked, found, has_begun=bool(chain.links))
        for month in filter(rows_of, linked.months):
            if (sealing := self._sealing(month, linked.of(month).objects)) is not None:
                self._rows(month, sealing, found)
        return found

    def _head(self, chain: ReadChain, heads: Collection[Head], found: Verification) -> None:
        """Whether a head was kept of the last link: of a table that was restored it may be an earlier one."""
        kept = max((self._chain.kept_head(), *heads)).number
        if kept < chain.head.number:
            found.notes.append(
                f"whether links are missing after link {chain.head.number}: the table's head is link {kept}. "
                "A job was stopped, or the table was restored to an earlier time. Give the head that the "
                "last run printed by --head; the next `usage-meter close` or `invoice` brings the table's up "
                "to date"
            )

    def _objects(self, objects: Objects, found: Verification) -> None:
        for name, digest in objects.items():
            content = self._chain.content(name)
            found.objects += 1
            if content is None:
                found.faults.append(f"{name} is missing")
            elif digest_of(content) != digest:
                found.faults.append(f"{name} was altered: its SHA-256 was {digest}")
            self._on_progress(StepProgress("objects", found.objects))

    def _unlinked(self, linked: _LinkedMonths, found: Verification, *, has_begun: bool) -> None:
        names = (name for month, name, _ in self._chain.decided() if name not in linked.of(month).objects)
        if has_begun:
            found.faults += (f"{name} is not linked: the job that wrote it was stopped" for name in names)
        elif unseen := sum(1 for _ in names):
            found.notes.append(
                f"there is no chain yet, so that nothing shows a change of {unseen:,} objects: it begins "
                "with the next `usage-meter close` or `invoice`"
            )

    def _sealing(self, month: Period, objects: Objects) -> Closing | None:
        """The sealing of a month, if it is the one that was linked."""
        name = state_name(month)
        content = self._chain.content(name) if name in objects else None
        if content is None or digest_of(content) != objects[name]:
            return None
        return _decode_state(content)

    def _rows(self, month: Period, sealing: Closing, found: Verification) -> None:
        if not sealing.objects:
            found.notes.append(
                f"{month} was sealed before digests of rows were kept: its rows are not looked at"
            )
            return
        now = month_rows(self._queries, month, self._run_id)
        self._on_progress(StepProgress(f"rows of {month}", now.rows))
        if not now.rows and sealing.days:
            found.notes.append(f"the Parquet files of {month} are gone: its rows are not looked at")
            return
        found.late_rows += max(0, now.events - sum(day.rows for day in sealing.days.values()))
        if now.days != sealing.days:
            self._rows_as_sealed(month, sealing, now, found)
            return
        found.days += len(sealing.days)

    def _rows_as_sealed(self, month: Period, sealing: Closing, now: MonthRows, found: Verification) -> None:
        """The rows of those objects that held rows when the month was sealed: of days with later rows."""
        content = self._chain.content(sealing.objects)
        sealed = set(decode_names(content or b""))
        there = objects_of_rows(self._queries, month, self._run_id)
        later = sorted(there.keys() - sealed)
        if len(later) > MOST_LEFT_OUT:
            found.notes.append(
                f"{len(later):,} objects came for {month} since it was sealed, more than a query leaves out: "
                "its rows are not looked at; tools/audit.py can"
            )
            return
        then = month_rows(self._queries, month, self._run_id, later) if later else now
        gone = sorted(sealed - there.keys())
        faults = list(_day_faults(sealing.days, then.days))
        found.days += len(sealing.days) - len(faults)
        hint = f"; objects that are gone: {', '.join(gone[:MOST_NAMED])}" if gone else ""
        found.faults += (f"{fault}{hint}" for fault in faults)


def _day_faults(sealed: Mapping[str, DayDigest], now: Mapping[str, DayDigest]) -> Iterator[str]:
    none = DayDigest(0, "")
    for day in sorted(sealed.keys() | now.keys()):
        was, is_now = sealed.get(day, none), now.get(day, none)
        if was != is_now:
            yield (
                f"the lake's rows of {day} are not those that were billed: {was.rows:,} rows of SHA-256 "
                f"{was.sha256 or 'none'}, now {is_now.rows:,} of {is_now.sha256 or 'none'}"
            )
