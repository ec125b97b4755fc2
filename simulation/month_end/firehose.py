"""Firehose in a simulated world: it reads the stream late, holds records, delivers them, reports metrics."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from firehose_transform.transform import transform
from metering.billing_rule import BillingRule
from metering.calls.lake_row import LakeRow
from metering.calls.record import StreamRecord
from metering.period import Period
from simulation.month_end.lake import SimulatedLake
from simulation.month_end.stores import ErrorObjectsInMemory
from simulation.protocol.stream import SimulatedShard, SimulatedStream

PERIOD_MS: Final = 300_000
DELIVERY_STREAM: Final = "lake"
LOG_GROUP: Final = "/usage-meter/access"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_MS: Final = 1000
_FORWARDED_LATE_MS: Final = 40 * 60_000
"""A point of CloudWatch Logs is seen so late at most."""

_decode_rows: Final = msgspec.json.Decoder(LakeRow).decode_lines


@dataclass(frozen=True, slots=True)
class _Held:
    """A record that Firehose has read and not delivered."""

    record: StreamRecord
    read_at: int


@dataclass(slots=True)
class FirehosePoints:
    """Points by metric: the beginning of a period and the value in it; and what has been sent when."""

    freshness: list[tuple[int, float]] = field(default_factory=list)
    behind: list[tuple[int, float]] = field(default_factory=list)
    forwarded: Counter[int] = field(default_factory=Counter)
    now: int = 0


class SimulatedFirehose:
    """Reads all shards, each from its own place."""

    def __init__(
        self, dice: random.Random, stream: SimulatedStream, lake: SimulatedLake, errors: ErrorObjectsInMemory
    ) -> None:
        self.metrics = FirehosePoints()
        self.delivered: set[tuple[str, int]] = set()
        """Shard and sequence number of all records that came to the lake."""
        self.failed: set[tuple[str, int]] = set()
        """Of those that lie under the error prefix."""
        self._dice = dice
        self._stream = stream
        self._lake = lake
        self._errors = errors
        self._read: defaultdict[str, int] = defaultdict(int)
        self._held: list[_Held] = []
        self._objects = 0
        self._sampled_at = 0
        self._delivered_at = 0

    @property
    def is_done(self) -> bool:
        """Whether all that is in the stream was delivered."""
        return not self._held and all(self._read[one.id] == len(one.records) for one in self._stream.shards)

    def pass_to(self, now: int) -> None:
        """Let time pass: a point of each metric for each period that has ended."""
        if not self._sampled_at:
            self._sampled_at = now // PERIOD_MS * PERIOD_MS
        while self._sampled_at + PERIOD_MS <= now:
            begins, self._sampled_at = self._sampled_at, self._sampled_at + PERIOD_MS
            at = self._sampled_at - 1
            self.metrics.behind.append((begins, self._behind(at)))
            if self._held:
                self.metrics.freshness.append(
                    (begins, (at - min(one.read_at for one in self._held)) / _SECOND_MS)
                )
            elif self._delivered_at >= begins:
                self.metrics.freshness.append((begins, (at - self._delivered_at) / _SECOND_MS))
        self.metrics.now = now

    def read(self, now: int) -> None:
        """Read some records of a shard."""
        shard = self._dice.choice(self._stream.shards)
        start = self._read[shard.id]
        count = self._dice.randint(1, 4)
        self._take(shard, count, now)
        if self._read[shard.id] == start:
            self.deliver(now)

    def deliver(self, now: int) -> None:
        """Deliver all that is held, some of it twice."""
        held, self._held = self._held, []
        self._delivered_at = now
        for shard_id in sorted({one.record.shard_id for one in held}):
            records = [one.record for one in held if one.record.shard_id == shard_id]
            self._deliver(records)
            if self._dice.random() < 0.1:
                self._deliver(records[:1])

    def catch_up(self, now: int) -> None:
        """Deliver everything."""
        for shard in self._stream.shards:
            self._take(shard, len(shard.records), now)
        self.deliver(now)

    def redriven(self) -> None:
        """What lay under the error prefix is in the lake now."""
        self.delivered |= self.failed
        self.failed.clear()

    def _take(self, shard: SimulatedShard, count: int, now: int) -> None:
        place = self._read[shard.id]
        self._held += [_Held(record, now) for record in shard.records[place : place + count]]
        self._read[shard.id] = min(place + count, len(shard.records))

    def _behind(self, at: int) -> float:
        """Milliseconds by which the reading is behind the stream."""
        unread = [
            at - shard.records[self._read[shard.id]].arrived_at_ms
            for shard in self._stream.shards
            if self._read[shard.id] < len(shard.records)
        ]
        return float(max(0, *unread)) if unread else 0.0

    def _deliver(self, records: Sequence[StreamRecord]) -> None:
        event = {"records": [_of_firehose(record) for record in records]}
        answer, _ = transform(event, BillingRule())
        days: defaultdict[Period, list[LakeRow]] = defaultdict(list)
        failed = []
        for record, one in zip(records, answer["records"], strict=True):
            match one["result"]:
                case "Ok":
                    keys = one["metadata"]["partitionKeys"]
                    day = Period(f"{keys['year']}-{keys['month']}-{keys['day']}")
                    days[day] += _decode_rows(base64.b64decode(one["data"]))
                case "ProcessingFailed":
                    failed.append(record)
            self.delivered.add((record.shard_id, record.sequence_number))
        self._objects += 1
        for day, rows in days.items():
            self._lake.write(day, f"object-{self._objects:04d}", rows)
        if failed:
            content = "\n".join(json.dumps(_failed(record)) for record in failed)
            self._errors.contents[f"errors/processing-failed/{self._objects:04d}"] = content.encode()
            self.failed |= {(record.shard_id, record.sequence_number) for record in failed}
        self.delivered -= self.failed


@lru_cache(maxsize=4096)
def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _of_firehose(record: StreamRecord) -> dict[str, object]:
    return {
        "recordId": f"{record.shard_id}:{record.sequence_number}",
        "data": base64.b64encode(record.data).decode(),
        "approximateArrivalTimestamp": record.arrived_at_ms,
        "kinesisRecordMetadata": {
            "shardId": record.shard_id,
            "sequenceNumber": str(record.sequence_number),
            "subsequenceNumber": 0,
            "approximateArrivalTimestamp": record.arrived_at_ms,
        },
    }


def _failed(record: StreamRecord) -> dict[str, object]:
    return {
        "attemptsMade": 4,
        "arrivalTimestamp": record.arrived_at_ms,
        "errorCode": "Lambda.FunctionError",
        "errorMessage": "processing failed",
        "rawData": base64.b64encode(record.data).decode(),
    }


class SimulatedCloudWatch:
    """As much of CloudWatch as :class:`adapters.firehose.FirehoseFreshness` asks for."""

    def __init__(self, metrics: FirehosePoints) -> None:
        self.metrics = metrics
        self._asked = ""

    def get_paginator(self, operation: str) -> SimulatedCloudWatch:
        """One page has all."""
        self._asked = operation
        return self

    def paginate(self, **request: Any) -> list[Mapping[str, Any]]:
        """The page."""
        if self._asked == "list_metrics":
            names = {"LogGroupName": LOG_GROUP, "FilterName": "usage-meter", "DestinationType": "Kinesis"}
            dimensions = [{"Name": name, "Value": value} for name, value in names.items()]
            one = {"Namespace": "AWS/Logs", "MetricName": "ForwardedLogEvents", "Dimensions": dimensions}
            return [{"Metrics": [one]}]
        results = []
        for query in request["MetricDataQueries"]:
            points = sorted(self._points(query["MetricStat"]["Metric"]["MetricName"]))
            times = [_time(begins) for begins, _ in points]
            results.append({"Id": query["Id"], "Timestamps": times, "Values": [value for _, value in points]})
        return [{"MetricDataResults": results}]

    def _points(self, name: str) -> Iterator[tuple[int, float]]:
        match name:
            case "DeliveryToS3.DataFreshness":
                yield from self.metrics.freshness
            case "KinesisMillisBehindLatest":
                yield from self.metrics.behind
            case _:
                seen = self.metrics.now - _FORWARDED_LATE_MS
                yield from ((at, float(sent)) for at, sent in self.metrics.forwarded.items() if at <= seen)
