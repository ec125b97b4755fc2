"""How many records could not be decoded, hour by hour, from what lies under the error prefix. Pure.

They have no rows in the lake. Firehose's documents do not name their record, so that nothing but their number
can be derived: the fingerprint of the reserved key is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
from metering.counters.counter import Counter
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, day_of, hour_at, is_day, month_of
from metering.usage import Usage
from reconciliation.lake.firehose_errors import PROCESSING_FAILED, UndeliveredRecord, pieces


class RecordSpan(NamedTuple):
    """Records of an hour: equal ones counted once, and every one."""

    at_least: int
    at_most: int

    def nearest(self, counted: int) -> int:
        """The number in between that is next to what was counted."""
        return max(self.at_least, min(counted, self.at_most))


NONE_FAILED = RecordSpan(0, 0)


def undecodable_by_hour(objects: Iterable[tuple[str, bytes]], month: Period) -> dict[Period, RecordSpan]:
    """The records that arrived in a month and cannot be decoded: objects by name and content."""
    found: dict[Period, RecordSpan] = {}
    seen: set[bytes] = set()
    for name, body in objects:
        for data, arrived_at_ms in _records(body) if PROCESSING_FAILED in name else ():
            hour = hour_at(arrived_at_ms)
            lost = read_record(StreamRecord("", 0, data, arrived_at_ms), BillingRule()).undecodable
            if not lost or month_of(hour) != month:
                continue
            identity = sha256(b"%d " % arrived_at_ms + data).digest()
            span = found.get(hour, NONE_FAILED)
            known = identity in seen
            seen.add(identity)
            found[hour] = RecordSpan(span.at_least + (0 if known else lost), span.at_most + lost)
    return found


def _records(body: bytes) -> Iterator[UndeliveredRecord]:
    """The records of an object, as far as they can be read."""
    for piece in pieces(body):
        if piece.record is not None:
            yield piece.record


def undecodable_days(
    before: Mapping[Period, Counter], spans: Mapping[Period, RecordSpan]
) -> dict[Period, Counter]:
    """The days of the reserved key as they should be: as near to what is counted as the spans allow."""
    hours = dict(spans)
    for day, counter in before.items():
        if is_day(day):
            hours |= {
                hour: NONE_FAILED for part in counter.parts if (hour := Period(f"{day}T{part}")) not in spans
            }
    days: dict[Period, Counter] = {}
    for hour, span in sorted(hours.items()):
        day = day_of(hour)
        counted = before[day].parts.get(hour[-2:], 0) if day in before else 0
        requests = span.nearest(counted)
        one = Counter(UNDECODABLE_KEY, day, Usage(requests=requests), {hour[-2:]: requests})
        days[day] = days[day] + one if day in days else one
    return days
