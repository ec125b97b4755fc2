"""Decode, check, hash and fold: what happens in the stream processor before any write.

The opponent is what one would write with Powertools: its data classes for the envelope, `json` for the lines,
and the same hash and the same fold. It checks less than the meter does, which is in its favour.

All start from the event that Lambda hands over, in which data is base64. The bare limit inflates with isal
and decodes both layers of JSON with msgspec, and does nothing with what comes out. There are two: into dicts,
as one would; and into the meter's own typed structs, which is the least that msgspec can do for anybody who
needs these fields. The second is the yardstick.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from aws_lambda_powertools.utilities.data_classes import KinesisStreamEvent
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import (
    extract_cloudwatch_logs_from_event,
)
from isal import isal_zlib

from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.rounds import Contest
from benchmarks.harness.traffic import Traffic, kinesis_event, records
from metering.billing_rule import BillingRule
from metering.calls.call import Call, malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.calls.fast_calls import UsualLine
from metering.calls.record import ReadRecord, read_record
from metering.counters.ports import Increment
from metering.line_format.absent_number import Absent
from stream_processor.fold import fold
from stream_processor.kinesis_event import read_event

RULE: Final = BillingRule()
_GZIP: Final = 31


class _Envelope(msgspec.Struct, gc=False):
    logEvents: list[LogEvent]  # noqa: N815 - the name on the wire


_typed_envelope = msgspec.json.Decoder(_Envelope).decode
_typed_line = msgspec.json.Decoder(UsualLine, strict=False).decode
_any = msgspec.json.Decoder().decode


def figures(size: Size) -> Iterator[Figure]:
    """The meter against Powertools and against the bare limit."""
    traffic = Traffic(rate=5_000, seconds=size.of(10, 2))
    calls = traffic.rate * traffic.seconds
    event = kinesis_event(list(records(traffic)))
    data = [record["kinesis"]["data"] for record in event["Records"]]
    contest = Contest(
        {
            "meter": lambda: meter(event),
            "Powertools": lambda: powertools(event),
            "typed limit": lambda: typed_limit(data),
            "generic limit": lambda: generic_limit(data),
        },
        rounds=size.rounds(9, 5),
    )
    microseconds = {f"{name}, µs a call": contest.median(name) / calls * 1e6 for name in contest.seconds}
    yield Figure(
        "decode and fold, against Powertools",
        f"decode, check, hash and fold {calls:,} calls in {len(data)} deliveries",
        "Powertools' Kinesis data classes, json and the same fold",
        contest.times_faster("meter", than="Powertools"),
        3.0,
        details=microseconds,
    )
    yield Figure(
        "decode and fold, of the typed limit",
        "the same",
        "the bare limit: isal and msgspec into the same structs, with nothing done",
        contest.times_faster("meter", than="typed limit"),
        0.6,
    )
    yield Figure(
        "decode and fold, of the generic limit",
        "the same",
        "the bare limit: isal and msgspec into dicts, with nothing done",
        contest.times_faster("meter", than="generic limit"),
        0.6,
    )


def meter(event: Mapping[str, Any]) -> list[Increment]:
    """As the stream processor does it."""
    batch = read_event(event)
    return fold([read_record(record, RULE) for record in batch], batch[0].shard_id)


def powertools(event: dict[str, Any]) -> list[Increment]:
    """As one does it with Powertools."""
    stream = KinesisStreamEvent(event)
    found: list[ReadRecord] = []
    deliveries = extract_cloudwatch_logs_from_event(stream)
    for record, delivery in zip(stream.records, deliveries, strict=True):
        calls: dict[str, Call] = {}
        for log_event in delivery.log_events:
            try:
                call = _call(json.loads(log_event.message), log_event.get_id, log_event.timestamp)
            except (ValueError, KeyError):
                call = malformed(log_event.get_id, log_event.timestamp)
            calls.setdefault(call.event_id, call)
        found.append(ReadRecord(int(record.kinesis.sequence_number), list(calls.values())))
    return fold(found, event["Records"][0]["eventID"].partition(":")[0])


def _call(line: dict[str, str], log_event_id: str, logged_at_ms: int) -> Call:
    status = int(line["status"])
    event_id = line.get("extendedRequestId", "-")
    if event_id == "-":
        event_id = log_event_id
    time = line.get("requestTimeEpoch", "-")
    key = line.get("apiKeyId", "-")
    return Call(
        event_id,
        event_hash(event_id),
        logged_at_ms if time == "-" else int(time),
        key,
        key != "-" and status != 429 and status < 500,
        status >= 400,
        _size(line.get("responseLength", "-")),
        _size(line.get("requestLength", "-")),
        0 if line.get("responseLatency", "-") == "-" else int(line["responseLatency"]),
    )


def _size(text: str) -> int | Absent:
    return Absent.DASH if text == "-" else int(text)


def typed_limit(data: list[str]) -> None:
    """Inflate, and decode into the structs of the meter."""
    for one in data:
        for event in _typed_envelope(_inflated(one)).logEvents:
            _typed_line(event.message)


def generic_limit(data: list[str]) -> None:
    """Inflate, and decode into dicts."""
    for one in data:
        for event in _any(_inflated(one))["logEvents"]:
            _any(event["message"])


def _inflated(data: str) -> bytes:
    """The content of a record; msgspec reads base64 three times as fast as the standard library."""
    return isal_zlib.decompress(msgspec.convert(data, bytes), _GZIP)
