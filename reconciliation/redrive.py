"""What landed under the error prefix, brought into the lake.

Firehose writes a JSON document for each record that it could not deliver: with the record as it came from the
stream (the transform failed, or its answer had no room for the rows), or with the rows of a record (the
conversion to Parquet failed). Whatever of it can be read now becomes rows of the lake; a document of which
nothing can be read stays where it is.
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html

For each object, in this order; if a step is the last to happen, the next run begins with the first:

1. **Read** it. Pure from here on until the rows are made.
2. **Write** its rows, an object or more for each day. Names follow from the error object's name and content
   alone, so that a repetition writes the same objects again and the lake holds the rows once.
3. **Archive** it as it is, under a name that follows likewise.
4. **Leave** what cannot be read: the error object is replaced by the documents that remain, or removed. It is
   another object from now on, whose rows, should it ever have some, go to objects of their own.

An event without an id of its own is named after its record. The documents do not name the record, so here it
is named after its content: the lake has that call under another id than the counters, and a reconciliation
shows it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.aggregate import user_records
from metering.calls.event_id import event_hash
from metering.calls.lake_row import LakeRow, lake_rows
from metering.calls.privacy import KEPT, PersonalData
from metering.calls.record import read_user_record, record_id
from metering.errors import Undecodable
from metering.period import Period
from reconciliation.lake.firehose_errors import Piece, pieces

ROWS_OF_OBJECT: Final = 50_000
"""An object of the lake is written when so many rows of its day wait for it."""
MOST_EXPLAINED: Final = 100

_decode_rows: Final = msgspec.json.Decoder(LakeRow).decode_lines


class ErrorObjects(Protocol):
    """The objects under the error prefix. All is as often repeatable as one likes."""

    def names(self) -> Iterable[str]:
        """The names of all of them."""
        ...

    def read(self, name: str) -> bytes | None:
        """The content of one; None if it is gone."""
        ...

    def archive(self, name: str, digest: str, content: bytes) -> None:
        """Keep a content that was redriven, by the object's name and the content's digest."""
        ...

    def leave(self, name: str, content: bytes) -> None:
        """Replace the content of an object; without any, remove it."""
        ...


class Lake(Protocol):
    """The table of the lake."""

    def write(self, day: Period, name: str, rows: Sequence[LakeRow]) -> int:
        """Write an object of this name with rows of a day, in place of any that has it; its size in bytes."""
        ...


class Unreadable(msgspec.Struct, frozen=True):
    """A document that stays."""

    object: str
    number: int
    """From 1, in the object as it was read."""
    reason: str


class Redriven(msgspec.Struct):
    """What a run has done, or would do."""

    dry_run: bool
    objects: int = 0
    """Error objects read."""
    emptied: int = 0
    """Of them, those of which nothing stays."""
    records: int = 0
    """Documents brought into the lake, whole or in part."""
    rows: int = 0
    lake_objects: int = 0
    bytes: int = 0
    """Of the objects of the lake; a dry run makes none."""
    without_events: int = 0
    """Documents of control messages and empty deliveries: they are done with, and bring nothing."""
    unreadable: int = 0
    """Documents that stay."""
    explained: list[Unreadable] = msgspec.field(default_factory=list)
    """The first of them."""


class _Record(NamedTuple):
    """What can be made of a document: rows, and what stays of it."""

    rows: list[LakeRow]
    rest: list[bytes]
    """The data of its user records that cannot be read."""
    reason: str = ""


def redrive(  # noqa: PLR0913 - two stores, two choices of the deployment, two of the caller
    errors: ErrorObjects,
    lake: Lake,
    rule: BillingRule,
    *,
    personal: PersonalData = KEPT,
    dry_run: bool = False,
    on_object: Callable[[str], None] = lambda _name: None,
) -> Redriven:
    """Bring all objects under the error prefix into the lake; `on_object` is called with the name of each
    before.

    Raises:
        Transient, Misconfigured: storage failed. Whatever was done holds, and the next run does the rest.
    """
    result = Redriven(dry_run)
    for name in errors.names():
        on_object(name)
        content = errors.read(name)
        if content is not None:
            _Object(name, content, rule, personal, result).bring(errors, lake)
    return result


class _Object:
    """One error object on its way."""

    def __init__(
        self, name: str, content: bytes, rule: BillingRule, personal: PersonalData, result: Redriven
    ) -> None:
        self._name = name
        self._content = content
        self._rule = rule
        self._personal = personal
        self._result = result
        self._digest = sha256(name.encode() + b"\0" + content).hexdigest()[:32]
        self._parts: defaultdict[Period, int] = defaultdict(int)
        self._waiting: defaultdict[Period, list[LakeRow]] = defaultdict(list)

    def bring(self, errors: ErrorObjects, lake: Lake) -> None:
        """Do the steps of the module's docstring."""
        rest: list[str] = []
        is_changed = False
        for number, piece in enumerate(pieces(self._content), 1):
            staying = self._take(number, piece)
            is_changed |= staying != [piece.text]
            rest += staying
            self._write(lake, at_least=ROWS_OF_OBJECT)
        self._write(lake, at_least=1)
        self._result.objects += 1
        self._result.emptied += not rest
        if (is_changed or not rest) and not self._result.dry_run:
            errors.archive(self._name, self._digest, self._content)
            errors.leave(self._name, _joined(rest))

    def _take(self, number: int, piece: Piece) -> list[str]:
        """Take the rows of a document; the documents that stay."""
        record = read_piece(piece, self._rule)
        if record is None:
            self._explain(number, "no document of Firehose's with rawData in base64")
            return [piece.text]
        self._personal.treat(record.rows)
        for row in record.rows:
            self._waiting[Period(row.eventtime[:10])].append(row)
        self._result.rows += len(record.rows)
        self._result.records += bool(record.rows)
        self._result.without_events += not record.rows and not record.rest
        if not record.rest:
            return []
        self._explain(number, record.reason)
        if not record.rows:
            return [piece.text]
        return [json.dumps({**piece.document, "rawData": b64encode(data).decode()}) for data in record.rest]

    def _explain(self, number: int, reason: str) -> None:
        self._result.unreadable += 1
        if len(self._result.explained) < MOST_EXPLAINED:
            self._result.explained.append(Unreadable(self._name, number, reason))

    def _write(self, lake: Lake, at_least: int) -> None:
        """Write the rows of each day for which so many wait."""
        for day in [day for day, rows in self._waiting.items() if len(rows) >= at_least]:
            rows = self._waiting.pop(day)
            self._parts[day] += 1
            self._result.lake_objects += 1
            if not self._result.dry_run:
                name = f"redriven-{self._digest}-{self._parts[day]:04d}"
                self._result.bytes += lake.write(day, name, rows)


def _joined(texts: Iterable[str]) -> bytes:
    return "".join(text.rstrip("\n") + "\n" for text in texts).encode("utf-8", "surrogateescape")


def read_piece(piece: Piece, rule: BillingRule) -> _Record | None:
    """What can be made of a document; None if it is none of Firehose's."""
    if piece.record is None:
        return None
    data, arrived_at_ms = piece.record
    rows = _transformed(data)
    if rows is not None:
        return _Record(rows, [])
    name = sha256(b"%d " % arrived_at_ms + data).hexdigest()[:32]
    return _read_record(data, name, arrived_at_ms, rule)


def _transformed(data: bytes) -> list[LakeRow] | None:
    """The rows, if these are rows that the transform has made. Nothing else holds the hash of its own id."""
    if not data.startswith(b"{"):
        return None
    try:
        rows = _decode_rows(data)
    except (ValueError, RecursionError):
        return None
    return rows if all(row.eventhash == event_hash(row.eventid) for row in rows) else None


def _read_record(data: bytes, name: str, arrived_at_ms: int, rule: BillingRule) -> _Record:
    """A record of the stream, as the stream processor reads it."""
    rows: list[LakeRow] = []
    unpacked = user_records(data)
    rest, reason = [b""] * unpacked.lost, "the aggregate is damaged" if unpacked.lost else ""
    for index, user_record in enumerate(unpacked.data):
        try:
            parts = read_user_record(
                user_record, record_id("redriven", name, index), arrived_at_ms, rule.fields
            )
            found = [row for delivery in parts for row in lake_rows(delivery.events, rule)]
        except Undecodable as error:
            rest.append(user_record)
            reason = str(error)
        else:
            rows += found
    return _Record(rows, rest, reason)
