"""Closing a month: open -> closing -> sealed, and what came for it since.

The state of a month is one object, written by conditional writes alone; a month without one is open. In this
order, and what holds if a step is the last to happen:

1. **Look.** A sealed month stays as it is: closing it again gives the sealing that there is.
2. **Reconcile.** Unless both sides agree and are complete, or somebody accepts the differences for a reason,
   nothing is written.
3. **Begin**: the month is *closing*, if it was open. Whoever runs next begins with step 1 and goes on.
4. **Freeze** the usage of each key, as the lake has it, under the digest of its content, and with it a digest
   of the rows of each day. The same usage has the same name, whoever writes it and however often; usage that
   no sealing names says nothing.
5. **Seal**: the state becomes *sealed*, if it is still what this job has read. Of two jobs at once one does
   so, with its own report and usage; the other finds that sealing, and its own usage is named by nobody.
6. **Link** the sealing and its usage into the chain of what was billed
   (:mod:`reconciliation.billing_chain`). A month that is sealed already is linked if it is not yet.

What arrives later changes counters and lake, never the frozen usage. The next invoice prices the month again,
and bills the difference as an adjustment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

import msgspec

from metering.bucket_layout import state_name
from metering.errors import MeterError, Misconfigured, Transient
from metering.outcome import MALFORMED_KEY
from metering.period import Period, begins_at, ends_at
from metering.proof.billing_chain import LinkKind, digest_of
from metering.proof.month_state import Closing, State, Version
from metering.usage import TOTALS, Usage, total
from reconciliation.billing_chain import BillingChain, sealed_parts
from reconciliation.lake.queries import VERSION_OF_USAGE, between, read_days, usage_text
from reconciliation.lake.row_digests import MonthRows, month_rows, objects_of_rows
from reconciliation.model.report import Report
from reconciliation.ports import Queries
from reconciliation.report.verdict import extent


class ClosingStore(Protocol):
    """Where states and usage are kept. Transient and Misconfigured are the errors of all."""

    def read(self, month: Period) -> Version | None:
        """The state of a month; None: it is open."""
        ...

    def begin(self, closing: Closing) -> bool:
        """Write the first state of a month, if there is none; whether it was written."""
        ...

    def replace(self, closing: Closing, tag: str) -> bool:
        """Write the next state of a month, if it still has that tag; whether it was written."""
        ...

    def keep(self, month: Period, what: str, digest: str, content: bytes) -> str:
        """Keep a part of what is sealed under its digest; the name of the object."""
        ...

    def content(self, name: str) -> bytes:
        """The content of such an object."""
        ...


class NotProvenError(MeterError):
    """The month cannot be closed yet; the text says why and what to do."""

    def __init__(self, sentence: str, report: Report | None = None) -> None:
        super().__init__(sentence)
        self.report = report


class NotSealedError(MeterError):
    """The month has no usage as billed, because nobody has sealed it."""


class NotLinkedError(MeterError):
    """The month was sealed, and no link of the chain of what was billed names that."""


class UsageNow(NamedTuple):
    """What the lake holds of a month, key by key."""

    query_id: str
    sql: str
    parameters: tuple[str, ...]
    usage: dict[str, Usage]
    """By key, in the order of the keys: each event once. The reserved keys have theirs, too."""


class SealedMonths:
    """The usage of months as it was billed, and what came since."""

    def __init__(self, store: ClosingStore, queries: Queries, chain: BillingChain | None = None) -> None:
        """`chain` names what was sealed; None: nobody looks whether that was altered."""
        self._store = store
        self._queries = queries
        self._chain = chain

    def closing(self, month: Period) -> Closing | None:
        """The state of a month; None: it is open.

        Raises:
            BrokenChainError: it was sealed, and is not what was sealed.
            NotLinkedError: nobody has linked the sealing yet.
            MeterError: it cannot be read.
        """
        version = self._store.read(month)
        if self._chain is not None:
            self._check(month, version, self._chain)
        return None if version is None else version.closing

    def _check(self, month: Period, version: Version | None, chain: BillingChain) -> None:
        name = state_name(month)
        is_sealed = version is not None and version.closing.state is State.SEALED
        found = {name: digest_of(version.content)} if version is not None and is_sealed else {}
        if chain.unlinked(month, name, found):
            raise NotLinkedError(
                f"the sealing of {month} is not linked into the chain of what was billed: the job that "
                "sealed it was stopped, or somebody else wrote it. Look at it by `usage-meter close "
                f"{month} --status`; `usage-meter close {month}` links it"
            )

    def sealed_usage(self, month: Period) -> Mapping[str, Usage]:
        """The usage of each key as billed, in the order of the keys. It never changes.

        Raises:
            NotSealedError: the month is open, or is being closed.
            MeterError: it cannot be read, or is not what was sealed.
        """
        closing = self.closing(month)
        if closing is None or closing.state is not State.SEALED:
            state = State.OPEN if closing is None else closing.state
            raise NotSealedError(f"{month} is {state}: seal it with `usage-meter close {month}`")
        content = self._store.content(closing.usage)
        if digest_of(content) != closing.digest:
            sealed = f"the usage with which {month} was sealed ({closing.digest})"
            raise Misconfigured([f"{closing.usage} is not {sealed}: bring back its version of that time"])
        return decode_usage(content)

    def usage_now(self, month: Period, *, run_id: str) -> UsageNow:
        """The proven usage of each key as the lake has it now.

        Raises:
            MeterError: the lake cannot be asked.
        """
        parameters = between(begins_at(month), ends_at(month))
        found = self._queries.run(usage_text(), parameters, run_id=run_id)
        by_key = groupby(read_days(found.rows()), key=attrgetter("key"))
        usage = {key: total(day.usage for day in days) for key, days in by_key}
        return UsageNow(found.query_id, found.sql, found.parameters, usage)


def _confirmed(_report: Report) -> None:
    """Nobody has to agree."""


class Closer:
    """Closes months of one deployment."""

    def __init__(  # noqa: PLR0913 - what it works on, and who works
        self,
        store: ClosingStore,
        queries: Queries,
        reconcile: Callable[[Period, str], Report],
        clock: Callable[[], datetime],
        who: str,
        *,
        chain: BillingChain | None = None,
    ) -> None:
        """`reconcile` compares a month under the id of a run. `clock` gives the time in UTC, `who` is whoever
        closes. `chain` names what was sealed; None: nothing does.
        """
        self._store = store
        self._queries = queries
        self._chain = chain
        self._months = SealedMonths(store, queries)
        self._reconcile = reconcile
        self._clock = clock
        self._who = who

    def close(
        self, month: Period, *, run_id: str, accept: str = "", confirm: Callable[[Report], None] = _confirmed
    ) -> Closing:
        """Close a month: do the steps of the module's docstring. `accept` is why it is closed though
        something differs or is missing. `confirm` is called with the report before the first write; what it
        raises ends the run.

        Raises:
            NotProvenError: the month is not over, or differs, or is not complete. Nothing was written.
            MeterError: something could not be read or written. What was done holds, and the next run does the
                rest.
        """
        closing = self._closed(month, run_id, accept, confirm)
        self._link(month)  # 6
        return closing

    def _closed(self, month: Period, run_id: str, accept: str, confirm: Callable[[Report], None]) -> Closing:
        found = self._store.read(month)  # 1
        self._check_chain(month, found)
        if found is not None and found.closing.state is State.SEALED:
            return found.closing
        if self._clock() < (end := ends_at(month)):
            raise NotProvenError(f"{month} ends on {end:%Y-%m-%d}: close it when it is over")
        report = self._reconcile(month, run_id)  # 2
        closing = self._closing(report, accept)
        confirm(report)
        if self._chain is not None:
            self._chain.begin()
        if found is None:
            self._store.begin(closing)  # 3
            found = self._store.read(month)
            if found is None:
                raise Transient(f"the state of {month} was written, and is not there: run it again")
            if found.closing.state is State.SEALED:
                return found.closing
        sealed = self._frozen(report, closing, found.closing)  # 4
        return self._seal(sealed, found.tag)  # 5

    def _check_chain(self, month: Period, found: Version | None) -> None:
        """Raises BrokenChainError where the month was sealed, and is not what was sealed."""
        if self._chain is not None:
            name = state_name(month)
            there = {} if found is None else {name: digest_of(found.content)}
            self._chain.unlinked(month, name, there)

    def _link(self, month: Period) -> None:
        sealed = self._store.read(month)
        if self._chain is None or sealed is None:
            return
        self._chain.begin()
        objects = {state_name(month): digest_of(sealed.content), **sealed_parts(sealed.closing)}
        self._chain.add(LinkKind.SEALING, month, objects)

    def _closing(self, report: Report, accept: str) -> Closing:
        """The state with which closing begins."""
        differences = report.differences_found + report.contradictions_found + report.altered_rows
        missing = [*report.missing, *report.source_gaps]
        if missing and not accept:
            way_out = "Close it when it is, or accept" if report.missing else "Find out why, or accept"
            raise NotProvenError(
                f"{report.month} is not complete: {'; '.join(missing)}. {way_out} that with "
                "--accept-differences REASON",
                report,
            )
        if not report.agrees and not accept:
            raise NotProvenError(
                f"{report.month} has {extent(report)}: `usage-meter reconcile {report.month} "
                "--repair` brings the counters to the lake's figure. Close it then, or accept them with "
                "--accept-differences REASON",
                report,
            )
        return Closing(
            month=report.month,
            state=State.CLOSING,
            begun_at=self._clock(),
            begun_by=self._who,
            report=report.run_id,
            agrees=report.agrees,
            missing=missing,
            differences=differences,
            accepted=accept if missing or not report.agrees else "",
        )

    def _frozen(self, report: Report, closing: Closing, begun: Closing) -> Closing:
        """The sealed state, its usage kept: that of the report. Who began stays, whoever it was."""
        now = self._months.usage_now(closing.month, run_id=report.run_id)
        if not report.missing and total(now.usage.values()) != report.tally.total.in_lake:
            raise _changed(closing.month)
        content = encode_usage(now.usage.items())
        digest = digest_of(content)
        name = self._store.keep(closing.month, "usage", digest, content)
        billed = total(usage for key, usage in now.usage.items() if key != MALFORMED_KEY)
        rows, objects = self._rows(closing.month, report.run_id, billed)
        return msgspec.structs.replace(
            closing,
            state=State.SEALED,
            begun_at=begun.begun_at,
            begun_by=begun.begun_by,
            sealed_at=self._clock(),
            sealed_by=self._who,
            query_id=now.query_id,
            usage_version=VERSION_OF_USAGE,
            usage=name,
            digest=digest,
            objects=self._store.keep(closing.month, "objects", digest_of(objects), objects),
            objects_digest=digest_of(objects),
            days=dict(rows.days),
            keys=len(now.usage),
            total=total(now.usage.values()),
        )

    def _rows(self, month: Period, run_id: str, billed: Usage) -> tuple[MonthRows, bytes]:
        """The rows that are billed, and the names of the objects that hold them."""
        rows = month_rows(self._queries, month, run_id)
        objects = objects_of_rows(self._queries, month, run_id)
        if (rows.events, rows.fingerprint) != (billed.requests, billed.fingerprint):
            raise _changed(month)
        if rows.rows != sum(objects.values()):
            raise _changed(month)
        return rows, encode_names(objects)

    def _seal(self, sealed: Closing, tag: str) -> Closing:
        """Seal, unless somebody else has; the sealing that there is."""
        if self._store.replace(sealed, tag):
            return sealed
        found = self._store.read(sealed.month)
        if found is None or found.closing.state is not State.SEALED:
            raise Transient(
                f"the state of {sealed.month} was changed by somebody else meanwhile: run it again"
            )
        return found.closing


def _changed(month: Period) -> Transient:
    return Transient(f"the lake of {month} changed while it was being closed: run it again")


class _Line(msgspec.Struct, omit_defaults=True):
    """A key's usage as a line of JSON. Totals that an earlier version did not count are left out where they
    are 0: so the same usage has the bytes that it had.
    """

    key: str
    requests: int
    billable: int
    errors: int
    response_bytes: int
    request_bytes: int
    latency_ms: int
    fingerprint: int
    unknown_response_sizes: int = 0
    unknown_request_sizes: int = 0


_encode: Final = msgspec.json.Encoder().encode_lines
_decode: Final = msgspec.json.Decoder(_Line).decode_lines


def encode_usage(usage: Iterable[tuple[str, Usage]]) -> bytes:
    """Usage by key as lines of JSON, in the order of the keys: the same usage gives the same bytes."""
    return _encode([_Line(key, *msgspec.structs.astuple(one)) for key, one in sorted(usage)])


def decode_usage(content: bytes) -> dict[str, Usage]:
    """The usage by key that such lines hold, in their order."""
    return {line.key: Usage(*(getattr(line, name) for name in TOTALS)) for line in _decode(content)}


def encode_names(names: Iterable[str]) -> bytes:
    """Names as lines of JSON, in their order."""
    return msgspec.json.Encoder().encode_lines(sorted(names))


def decode_names(content: bytes) -> list[str]:
    """The names that such lines hold."""
    return msgspec.json.Decoder(str).decode_lines(content)
