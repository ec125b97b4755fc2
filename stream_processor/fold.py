"""Step 3: from the calls that are ours to one increment a counter. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from metering.calls.call import Call
from metering.calls.record import ReadRecord
from metering.counters.ports import Increment
from metering.counters.slices import slice_of
from metering.line_format.absent_number import Absent
from metering.period import HOUR_MS, Period, day_of, hour_of, month_of
from metering.usage import Usage, total


def fold(records: Sequence[ReadRecord], shard_id: str) -> list[Increment]:
    """One increment for each key and month, and for each key and day, that the records have calls of."""
    tallies = _Tallies()
    for record in records:
        tallies.add(record.sequence_number, record.calls)
    return list(_increments(tallies.of_hour, shard_id))


class Recut:
    """Folds what is left of an increment when some of its records are already in the counter."""

    def __init__(self, records: Sequence[ReadRecord]) -> None:
        self._records = records
        self._of_key: dict[str, list[tuple[int, list[Call]]]] | None = None

    def after(self, watermark: int, increment: Increment) -> list[Increment]:
        """The increment without the records up to the watermark: one, or none if nothing is left."""
        if watermark >= increment.last:
            return []
        tallies = _Tallies()
        for position, calls in self._calls(increment.key):
            if position > watermark:
                tallies.add(position, calls)
        left = _increments(tallies.of_hour, increment.shard_id)
        return [one for one in left if one.period == increment.period]

    def _calls(self, key: str) -> list[tuple[int, list[Call]]]:
        """The calls of a key, record by record."""
        if self._of_key is None:
            self._of_key = {}
            for record in self._records:
                of_record: dict[str, list[Call]] = {}
                for call in record.calls:
                    of_record.setdefault(call.key, []).append(call)
                for of_key, calls in of_record.items():
                    self._of_key.setdefault(of_key, []).append((record.sequence_number, calls))
        return self._of_key[key]


class _Tally:
    """What the calls of a key in an hour add up to, and the positions of the first and the last of them."""

    __slots__ = (
        "errors",
        "fingerprint",
        "first",
        "last",
        "latency_ms",
        "request_bytes",
        "requests",
        "requests_with_size",
        "response_bytes",
        "responses_without_size",
        "unbilled",
        "usage",
    )

    usage: Usage
    """Of all calls, set when the last of them is in: the month's increment and the day's share it."""

    def __init__(self, position: int) -> None:
        self.requests = self.unbilled = self.errors = 0
        self.requests_with_size = self.responses_without_size = 0
        self.response_bytes = self.request_bytes = self.latency_ms = self.fingerprint = 0
        self.first = self.last = position

    def add_up(self) -> None:
        """Set the usage."""
        self.usage = Usage(
            self.requests,
            self.requests - self.unbilled,
            self.errors,
            self.response_bytes,
            self.request_bytes,
            self.latency_ms,
            self.fingerprint,
            self.responses_without_size,
            self.requests - self.requests_with_size,
        )

    def nothing_of(self, size: int | Absent) -> int:
        """Note whether the size of a response is not known, or 0; the bytes that it adds: none."""
        if size is Absent.DASH:
            self.responses_without_size += 1
        return 0


class _Tallies:
    """The tallies of a batch. `of_hour` has them by the number of the hour, then by key."""

    def __init__(self) -> None:
        self.of_hour: dict[int, dict[str, _Tally]] = {}

    def add(self, position: int, calls: Iterable[Call]) -> None:
        """Add the calls of one record. Positions never decrease.

        This runs for every call, so it looks up hours only when they change, counts what is rare (a call that
        is not billed, a request whose size is known, a response whose size is not), and adds nothing where
        there is nothing to add.
        """
        begin = end = 0
        unknown = Absent.DASH
        of_key: dict[str, _Tally] = {}
        for call in calls:
            if not begin <= call.time_ms < end:
                hour = call.time_ms // HOUR_MS
                begin, end = hour * HOUR_MS, (hour + 1) * HOUR_MS
                of_key = self.of_hour.setdefault(hour, {})
            try:
                tally = of_key[call.key]
            except KeyError:
                tally = of_key[call.key] = _Tally(position)
            tally.requests += 1
            if not call.billable:
                tally.unbilled += 1
            if call.is_error:
                tally.errors += 1
            tally.response_bytes += call.response_bytes or tally.nothing_of(call.response_bytes)
            if call.request_bytes is not unknown:
                tally.requests_with_size += 1
                tally.request_bytes += call.request_bytes
            tally.latency_ms += call.latency_ms
            tally.fingerprint += call.event_hash
            tally.last = position


_Parts = list[tuple[str, dict[str, _Tally]]]
"""Tallies by key, of each hour of a period, with the name of the hour's part of it."""


def _increments(of_hour: Mapping[int, dict[str, _Tally]], shard_id: str) -> Iterator[Increment]:
    periods: dict[Period, _Parts] = {}
    for number, tallies in of_hour.items():
        for one in tallies.values():
            one.add_up()
        hour = hour_of(number)
        periods.setdefault(month_of(hour), []).append((hour[8:10], tallies))
        periods.setdefault(day_of(hour), []).append((hour[11:13], tallies))
    for period, parts in periods.items():
        yield from _of_period(period, parts, shard_id)


def _of_period(period: Period, parts: _Parts, shard_id: str) -> Iterator[Increment]:
    """The increments of one period; nearly always, all calls are of one hour."""
    number = slice_of(shard_id)
    if len(parts) == 1:
        ((part, tallies),) = parts
        for key, one in tallies.items():
            yield Increment(
                key, period, number, shard_id, one.first, one.last, one.usage, {part: one.requests}
            )
        return
    of_key: dict[str, list[tuple[str, _Tally]]] = {}
    for part, tallies in parts:
        for key, one in tallies.items():
            of_key.setdefault(key, []).append((part, one))
    for key, found in of_key.items():
        first = min(one.first for _, one in found)
        last = max(one.last for _, one in found)
        requests: dict[str, int] = {}
        for part, one in found:
            requests[part] = requests.get(part, 0) + one.requests
        yield Increment(
            key, period, number, shard_id, first, last, total(one.usage for _, one in found), requests
        )
