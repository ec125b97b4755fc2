"""A record of the stream, read: its calls, each once.

What a record may hold: a delivery of CloudWatch Logs, an aggregate of the Kinesis Producer Library with
several user records, or (as a user record) bare access-log lines, each ended by a line feed or alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Final

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_line
from metering.calls.aggregate import user_records
from metering.calls.call import Call, undecodable
from metering.calls.delivery import Delivery, LogEvent, is_gzip, read_in_groups
from metering.calls.fast_calls import read_calls
from metering.calls.notes import Note
from metering.errors import Malformed, Undecodable
from metering.line_format.field_map import DEFAULT_FIELDS, FieldMap

_LINE_END: Final = re.compile(r"\r?\n")


class StreamRecord(msgspec.Struct, frozen=True):
    """A record as the stream delivers it."""

    shard_id: str
    sequence_number: int
    """Unique in its shard, and increasing in it; up to 129 decimal digits."""
    data: bytes
    arrived_at_ms: int
    """About when it reached the stream, in epoch milliseconds. The same at every delivery of the record."""

    def id(self, index: int = 0) -> str:
        """Names the record, or its user record of that index, as the transform of the lake does too."""
        return record_id(self.shard_id, str(self.sequence_number), index)


class ReadRecord(msgspec.Struct):
    """The calls of a record, no two with one event id."""

    sequence_number: int
    calls: list[Call]
    log_events: int = 0
    """Log events and bare lines in it, the repeated ones too."""
    undecodable: int = 0
    """User records that could not be decoded."""
    control: int = 0
    """Control messages."""
    repeated: int = 0
    """Log events that repeat another of the record."""
    notes: Counter[Note] = msgspec.field(default_factory=Counter)
    """What is noted of its log events, and how often."""
    arrived: dict[str, int] = msgspec.field(default_factory=dict)
    """Log events of each log group, the repeated ones too."""

    def add(self, part: ReadRecord) -> None:
        """Add what one of its user records holds."""
        self.calls = self.calls + part.calls if self.calls else part.calls
        self.log_events += part.log_events
        self.control += part.control
        self.notes += part.notes
        for group, events in part.arrived.items():
            self.arrived[group] = self.arrived.get(group, 0) + events


RecordReader = Callable[[StreamRecord, BillingRule], ReadRecord]
"""What :func:`read_record` does. Nobody changes what it has returned."""


def record_id(shard_id: str, sequence_number: str, index: int) -> str:
    """The name of a user record: the index of the first (or only) one is left out."""
    return f"{shard_id}:{sequence_number}:{index}" if index else f"{shard_id}:{sequence_number}"


def read_record(record: StreamRecord, rule: BillingRule) -> ReadRecord:
    """Read a record. Nothing in it can make this fail: what cannot be read is counted as such."""
    result = ReadRecord(record.sequence_number, [])
    unpacked = user_records(record.data)
    for index, data in enumerate(unpacked.data):
        part = ReadRecord(record.sequence_number, [])
        try:
            for delivery in read_user_record(data, record.id(index), record.arrived_at_ms, rule.fields):
                part.control += delivery.is_control
                part.log_events += len(delivery.events)
                if delivery.log_group and delivery.events:
                    part.arrived[delivery.log_group] = part.log_events
                part.calls += read_calls(delivery.events, rule, part.notes)
        except Undecodable:
            _add_undecodable(result, record, index)
        else:
            result.add(part)
    for index in range(len(unpacked.data), len(unpacked.data) + unpacked.lost):
        _add_undecodable(result, record, index)
    _keep_each_once(result)
    return result


def read_user_record(
    data: bytes, name: str, arrived_at_ms: int, fields: FieldMap = DEFAULT_FIELDS
) -> Iterator[Delivery]:
    """The log events of a user record, a part of them at a time: nearly always, all of them are one. Bare
    access-log lines count as logged when they arrived, and are named after their record.

    Raises:
        Undecodable: it is neither a delivery nor such lines; none of the parts before is to be used.
    """
    if is_gzip(data):
        return read_in_groups(data, name, arrived_at_ms)
    try:
        texts = [text for text in _LINE_END.split(data.decode()) if text.strip()]
    except UnicodeDecodeError as error:
        raise Undecodable(f"neither a delivery (gzip) nor an access-log line: {error}") from error
    _check_for_lines(texts, fields)
    names = [name, *(f"{name}#{index}" for index in range(1, len(texts)))]
    return iter(
        [Delivery([LogEvent(*one) for one in zip(names, repeat(arrived_at_ms), texts, strict=False)])]
    )


def _check_for_lines(texts: Sequence[str], fields: FieldMap) -> None:
    """Raises Undecodable where no text is an access-log line: then it is another kind of data."""
    reason = "it is empty"
    for text in texts:
        try:
            read_line(text, fields)
        except Malformed as error:
            reason = str(error)
        else:
            return
    raise Undecodable(f"neither a delivery (gzip) nor an access-log line: {reason}")


def _add_undecodable(result: ReadRecord, record: StreamRecord, index: int) -> None:
    result.undecodable += 1
    result.calls.append(undecodable(record.id(index), record.arrived_at_ms))


def _keep_each_once(result: ReadRecord) -> None:
    """Of the calls with one event hash, the first is kept."""
    distinct = len({call.event_hash for call in result.calls})
    result.repeated = len(result.calls) - distinct
    if result.repeated:
        first: dict[int, Call] = {}
        for call in result.calls:
            first.setdefault(call.event_hash, call)
        result.calls = list(first.values())
