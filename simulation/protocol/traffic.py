"""What API Gateway logs, what CloudWatch Logs makes of it, and what it must add up to.

The whole traffic of a run is laid out before it begins: a list of records with the times at which they reach
the stream. What an event must add is written down where the event is made, without the meter's code.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from aws_kinesis_agg.aggregator import AggRecord

from simulation.protocol.faults import Fault
from simulation.protocol.settings import (
    DAY_MS,
    HOUR_MS,
    LONGEST_DELIVERY_MS,
    MINUTE_MS,
    SECOND_MS,
    WorldSettings,
)

MONTH_END_MS = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * SECOND_MS

_STATUSES = (200, 200, 200, 201, 304, 404, 429, 499, 500, 503)
_NO_CALLS = (
    "no line at all",
    "[1, 2]",
    '{"apiKeyId": "a", "extendedRequestId": "without a status"}',
    '{"status": "200", "requestTimeEpoch": "-5", "extendedRequestId": "negative"}',
    '{"status": "OK", "apiKeyId": "a", "extendedRequestId": "a status that is no number"}',
    '{"status": "200", "apiKeyId": "a", "requestTimeEpoch": "86400000", "extendedRequestId": "long ago"}',
)
_UNREADABLE = (
    b"plain text",
    b"\x1f\x8b\x08\x00 cut off",
    gzip.compress(b"no JSON", mtime=0),
    gzip.compress(b'{"messageType": "DATA_MESSAGE"}', mtime=0),
    gzip.compress(b'{"messageType": "SOMETHING_ELSE", "logEvents": []}', mtime=0),
    b"\xf3\x89\x9a\xc2 an aggregate without its digest",
)


class Amounts(NamedTuple):
    """What one call adds besides its request and its fingerprint."""

    billable: int = 0
    errors: int = 0
    response_bytes: int = 0
    request_bytes: int = 0
    latency_ms: int = 0
    unknown_response_sizes: int = 0
    unknown_request_sizes: int = 0

    def counted(self, event_hash: int) -> tuple[int, ...]:
        """All totals of the call, in the order in which counters hold them."""
        return (1, *self[:5], event_hash, *self[5:])


class Truth(NamedTuple):
    """What must be counted for a log event, or for a record that holds none."""

    key: str
    id: str | None
    """None: it is named after the place of its record."""
    time_ms: int | None
    """None: the time at which its record arrives."""
    amounts: Amounts = Amounts()
    is_bare: bool = False
    """Its line has no delivery around it, so that nothing but its arrival says when it was logged."""


class Logged(NamedTuple):
    """A log event and its truth."""

    id: str
    timestamp: int
    message: str
    truth: Truth


class SimulatedUserRecord(NamedTuple):
    """The data of a record, or of a part of an aggregate, and the truth of all that is in it."""

    data: bytes
    truths: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A record that is to be put into the stream."""

    at_ms: int
    user_records: tuple[SimulatedUserRecord, ...]
    is_aggregate: bool = False
    number: int = 0
    """Names the originals."""
    copy_of: int | None = None
    """The number of the original."""
    in_same_shard: bool = False

    @property
    def data(self) -> bytes:
        """What is put."""
        if not self.is_aggregate:
            return self.user_records[0].data
        aggregate = AggRecord()
        for one in self.user_records:
            aggregate.add_user_record("partition key", one.data)
        data: bytes = aggregate.get_contents()[2]
        return data


class SimulatedTraffic:
    """Lays out the traffic of one run."""

    def __init__(self, dice: random.Random, settings: WorldSettings) -> None:
        self.injected: Counter[Fault] = Counter()
        self._dice = dice
        self._settings = settings
        self._names = [f"key-{number}" for number in range(settings.keys)]
        self._log_ids = 0
        self._own_times: list[int] = []
        self._originals = 0

    def planned(self) -> list[Planned]:
        """All records, in the order in which they reach the stream."""
        deliveries = list(self._deliveries())
        records: list[Planned] = []
        for events in deliveries:
            records += self._records_of(events)
        if self._settings.rates[Fault.RECUT_COPY]:
            records += self._recut_copies(deliveries)
        return sorted(records, key=lambda record: record.at_ms)

    def _deliveries(self) -> Iterator[list[Logged]]:
        times = self._times()
        while times:
            length = self._dice.randint(1, 2 * self._settings.lines_of_a_delivery - 1)
            yield [self._event(time_ms) for time_ms in times[:length] if time_ms - times[0] < HOUR_MS]
            times = [time_ms for time_ms in times[:length] if time_ms - times[0] >= HOUR_MS] + times[length:]

    def _times(self) -> list[int]:
        """When events are logged: in bursts, around the end of a month."""
        span_ms, dice = self._settings.span_ms, self._dice
        begins = MONTH_END_MS - dice.randrange(span_ms)
        bursts = [begins + dice.randrange(span_ms) for _ in range(self._settings.bursts)]
        length_ms = min(span_ms, 20 * MINUTE_MS)
        return sorted(dice.choice(bursts) + dice.randrange(length_ms) for _ in range(self._settings.events))

    def _event(self, logged_at: int) -> Logged:
        self._log_ids += 1
        log_id = f"{self._log_ids:056d}"
        if self._strikes(Fault.MALFORMED):
            message = self._dice.choice(_NO_CALLS)
            return Logged(log_id, logged_at, message, Truth("!malformed", log_id, logged_at))
        own_time = logged_at - self._dice.randrange(300)
        if self._strikes(Fault.LATE_EVENT):
            own_time = self._earlier_time(logged_at)
        self._own_times.append(own_time)
        return self._call(log_id, logged_at, own_time)

    def _earlier_time(self, logged_at: int) -> int:
        """Any time within the bounds of the settings, or one at which other calls were made."""
        earliest = logged_at - self._settings.latest_event_ms
        others = [time_ms for time_ms in self._own_times if earliest < time_ms]
        return self._dice.choice((self._dice.randrange(earliest, logged_at), *others[:3]))

    def _call(self, log_id: str | None, logged_at: int, own_time: int | None) -> Logged:
        dice = self._dice
        drawn = dice.random()
        key = "-" if drawn < 0.05 else self._names[int(len(self._names) * drawn * dice.random())]
        status = dice.choice(_STATUSES)
        size, latency = dice.randrange(5000), dice.randrange(300)
        own_id = None if own_time is None or dice.random() < 0.05 else f"{dice.getrandbits(60):015x}="
        billable = int(key != "-" and status != 429 and status < 500)
        sizes = _sizes(size)
        amounts = Amounts(billable, int(status >= 400), sizes[0] or 0, sizes[1] or 0, latency)
        unknown = (int(one is None) for one in sizes)
        truth = Truth(key, own_id or log_id, own_time, Amounts(*amounts[:5], *unknown))
        return Logged(log_id or "", logged_at, self._line(truth, own_id, own_time, status), truth)

    def _line(self, truth: Truth, own_id: str | None, own_time: int | None, status: int) -> str:
        return access_log_line(truth, own_id, own_time, status)

    def _records_of(self, events: list[Logged]) -> Iterator[Planned]:
        """A delivery, the copies of it, and whatever else is put at about that time."""
        at_ms = events[-1].timestamp + self._dice.randrange(5 * SECOND_MS)
        if self._strikes(Fault.LATE_DELIVERY):
            at_ms += self._dice.choice((10 * SECOND_MS, MINUTE_MS, LONGEST_DELIVERY_MS - 10 * SECOND_MS))
        if self._strikes(Fault.REPEATED_EVENT):
            events = [*events, self._dice.choice(events)]
        yield from self._with_copies(at_ms, delivery(events), 24 * HOUR_MS)
        if self._strikes(Fault.BARE_LINE):
            yield from self._with_copies(at_ms, self._bare_line(at_ms), 3 * HOUR_MS)
        if self._strikes(Fault.UNDECODABLE):
            unreadable = SimulatedUserRecord(
                self._dice.choice(_UNREADABLE), (Truth("!undecodable", None, None),)
            )
            yield from self._with_copies(at_ms, unreadable, DAY_MS)
        if self._strikes(Fault.CONTROL):
            yield from self._with_copies(at_ms, _CONTROL_MESSAGE, DAY_MS)

    def _bare_line(self, at_ms: int) -> SimulatedUserRecord:
        """An access-log line as it is. One without a time of its own has no id either: its copies would be
        one call at several times.
        """
        line = self._call(None, at_ms, self._dice.choice((None, at_ms - self._dice.randrange(MINUTE_MS))))
        return SimulatedUserRecord(line.message.encode(), (line.truth._replace(is_bare=True),))

    def _with_copies(self, at_ms: int, content: SimulatedUserRecord, longest_ms: int) -> Iterator[Planned]:
        self._originals += 1
        number = self._originals
        longest_ms = min(longest_ms, self._settings.latest_copy_ms)
        yield self._wrapped(Planned(at_ms, (content,), number=number))
        for fault, least_ms, most_ms in _COPIES:
            if least_ms < longest_ms and self._strikes(fault):
                delay = self._dice.randrange(least_ms, min(most_ms, longest_ms))
                same_shard = fault is Fault.COPY_IN_SAME_SHARD or self._dice.random() < 0.2
                yield self._wrapped(
                    Planned(at_ms + delay, (content,), copy_of=number, in_same_shard=same_shard)
                )

    def _wrapped(self, record: Planned) -> Planned:
        """The record, perhaps as an aggregate of the Kinesis Producer Library with some more in it."""
        if not self._strikes(Fault.AGGREGATE):
            return record
        contents = [*record.user_records]
        if self._dice.random() < 0.5:
            contents.append(self._bare_line(record.at_ms))
        if self._dice.random() < 0.2:
            contents.append(SimulatedUserRecord(b"unreadable", (Truth("!undecodable", None, None),)))
        if self._dice.random() < 0.2:
            contents.insert(0, contents[-1])
        return replace(record, user_records=tuple(contents), is_aggregate=True)

    def _recut_copies(self, deliveries: Sequence[list[Logged]]) -> Iterator[Planned]:
        """Deliveries that share only some events with each of several others."""
        longest_ms = self._settings.latest_copy_ms
        for index, events in enumerate(deliveries):
            if self._strikes(Fault.RECUT_COPY):
                first = events[0].timestamp
                near = [
                    event
                    for some in deliveries[index : index + 4]
                    for event in some
                    if event.timestamp - first < longest_ms // 2
                ]
                chosen = self._dice.sample(near, self._dice.randint(1, len(near)))
                at_ms = max(event.timestamp for event in chosen) + self._dice.randrange(longest_ms // 2)
                yield self._wrapped(Planned(at_ms, (delivery(chosen),)))

    def _strikes(self, fault: Fault) -> bool:
        if self._dice.random() >= self._settings.rates[fault]:
            return False
        self.injected[fault] += 1
        return True


_COPIES = (
    (Fault.COPY_IN_SAME_SHARD, 0, 5 * SECOND_MS),
    (Fault.COPY_IN_OTHER_SHARD, 0, 5 * SECOND_MS),
    (Fault.COPY_IN_MINUTES, 5 * SECOND_MS, HOUR_MS),
    (Fault.COPY_IN_HOURS, HOUR_MS - 1, DAY_MS),
)


def delivery(events: Iterable[Logged]) -> SimulatedUserRecord:
    """What CloudWatch Logs puts into the stream for these events."""
    events = list(events)
    sent = [{"id": event.id, "timestamp": event.timestamp, "message": event.message} for event in events]
    return SimulatedUserRecord(_envelope("DATA_MESSAGE", sent), tuple(event.truth for event in events))


def _envelope(kind: str, events: Sequence[dict[str, object]]) -> bytes:
    document = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": "/usage-meter/access",
        "logStream": "a1b2c3d4e5",
        "subscriptionFilters": ["usage-meter"],
        "logEvents": events,
    }
    return gzip.compress(json.dumps(document).encode(), 1, mtime=0)


_CONTROL_MESSAGE = SimulatedUserRecord(
    _envelope("CONTROL_MESSAGE", [{"id": "", "timestamp": MONTH_END_MS, "message": "CWL CONTROL MESSAGE"}]),
    (),
)


def _sizes(drawn: int) -> tuple[int | None, int | None]:
    """The sizes of a response and of its request; None: the line does not say. They are derived from one
    number that was drawn, so that a seed draws what it always did.
    """
    return (None if drawn % 11 == 0 else drawn), (None if drawn % 3 == 0 else 17)


def access_log_line(truth: Truth, own_id: str | None, own_time: int | None, status: int) -> str:
    """The line of a call: what API Gateway writes."""
    amounts = truth.amounts
    return json.dumps(
        {
            "requestId": "forged by the caller",
            "extendedRequestId": own_id or "-",
            "apiKeyId": truth.key,
            "requestTimeEpoch": "-" if own_time is None else str(own_time),
            "status": str(status),
            "responseLength": "-" if amounts.unknown_response_sizes else str(amounts.response_bytes),
            "requestLength": "-" if amounts.unknown_request_sizes else str(amounts.request_bytes),
            "responseLatency": str(amounts.latency_ms),
            "path": "/orders/17",
        }
    )
