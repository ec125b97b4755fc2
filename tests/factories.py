"""What the meter reads, made to order: access-log lines, log events, deliveries, aggregates, Lambda's events.

Everything has the shape and the lengths that AWS sends; each factory makes one that is right, and its
arguments change what a test is about.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from metering.calls.record import StreamRecord

KEY: Final = "d0e96b5f16"
SHARD: Final = "shardId-000000000000"
STREAM_ARN: Final = "arn:aws:kinesis:us-east-1:123456789012:stream/usage-meter"

NOON_MS: Final = 1_793_448_000_000
"""2026-10-31T12:00:00Z, the time of everything that says no other, in epoch milliseconds."""

_FIRST_SEQUENCE_NUMBER: Final = 49_635_052_289_529_725_553_291_405_521_504_870_233_219_489_715_332_317_186
_FIRST_LOG_EVENT_ID: Final = 36_980_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000


def line(**fields: object) -> str:
    """The access-log line of a call. A field that is None is left out; any name may be given."""
    document: dict[str, object] = {
        "requestId": "22b3d89d-f6ea-d1df-e754-75b9266320c2",
        "extendedRequestId": "8af5e02dd7f1509=",
        "apiId": "a1b2c3d4e5",
        "stage": "prod",
        "apiKeyId": KEY,
        "requestTimeEpoch": str(NOON_MS),
        "httpMethod": "GET",
        "resourcePath": "/orders/{id}",
        "path": "/orders/17",
        "status": "200",
        "responseLength": "1024",
        "requestLength": "-",
        "responseLatency": "50",
        "integrationLatency": "48",
        "sourceIp": "192.0.2.1",
        "userAgent": "curl/8.4.0",
    } | fields
    return json.dumps({name: value for name, value in document.items() if value is not None})


def lines(count: int, **fields: object) -> list[str]:
    """The lines of several calls, which differ in their event id."""
    return [line(**{"extendedRequestId": f"{number:015x}=", **fields}) for number in range(count)]


def log_event(message: str | None = None, *, number: int = 0, **fields: object) -> dict[str, object]:
    """The CloudWatch envelope of a line. A field that is None is left out."""
    event: dict[str, object] = {
        "id": log_event_id(number),
        "timestamp": NOON_MS,
        "message": line() if message is None else message,
    } | fields
    return {name: value for name, value in event.items() if value is not None}


def log_event_id(number: int) -> str:
    """The id that CloudWatch gives to the log event of a number: 56 digits."""
    return str(_FIRST_LOG_EVENT_ID + number)


def envelope(content: Iterable[str | Mapping[str, object]] = (), **fields: object) -> dict[str, object]:
    """A delivery before it becomes text: lines (each in a log event of its own number) or log events."""
    events = [
        log_event(one, number=number) if isinstance(one, str) else dict(one)
        for number, one in enumerate(content)
    ]
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/usage-meter/access",
        "logStream": "a1b2c3d4e5",
        "subscriptionFilters": ["usage-meter"],
        "logEvents": events,
    } | fields


def delivery(content: Iterable[str | Mapping[str, object]] = (), **fields: object) -> bytes:
    """What CloudWatch Logs puts into the stream: lines or log events, gzipped."""
    return zipped(json.dumps(envelope(content, **fields)))


def control_message() -> bytes:
    """What CloudWatch Logs sends to test its way to the stream."""
    probe = log_event("CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.", id="")
    return delivery([probe], messageType="CONTROL_MESSAGE", owner="CloudwatchLogs", logGroup="", logStream="")


def zipped(content: str | bytes) -> bytes:
    """The gzip of a content, the same each time."""
    return gzip.compress(content.encode() if isinstance(content, str) else content, mtime=0)


def kpl_aggregate(user_records: Sequence[bytes], *, unreadable_from: int | None = None) -> bytes:
    """A record of the Kinesis Producer Library. Records from `unreadable_from` on name a partition key that
    the aggregate does not have.

    https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
    """
    message = _protobuf_field(1, b"partition key")
    for number, data in enumerate(user_records):
        is_readable = unreadable_from is None or number < unreadable_from
        key_index = b"\x08" + (b"\x00" if is_readable else b"\x07")
        message += _protobuf_field(3, key_index + _protobuf_field(3, data))
    return sealed(message)


def sealed(message: bytes) -> bytes:
    """An aggregate with this message, which may be any bytes, and the digest that belongs to it."""
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message, usedforsecurity=False).digest()


def _protobuf_field(number: int, data: bytes) -> bytes:
    """Tag, length in groups of seven bits with the lowest first, and content."""
    length = bytearray()
    rest = len(data)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + data


def sequence_number(number: int = 0) -> str:
    """A sequence number as Kinesis gives them: 56 digits, increasing with `number`."""
    return str(_FIRST_SEQUENCE_NUMBER + number)


def stream_record(
    data: bytes, *, number: int = 0, shard_id: str = SHARD, arrived_at_ms: int = NOON_MS
) -> StreamRecord:
    """A record as the meter's core takes it."""
    return StreamRecord(shard_id, int(sequence_number(number)), data, arrived_at_ms)


def kinesis_event(
    records: Iterable[bytes],
    *,
    shard_id: str = SHARD,
    first: int = 0,
    arrived_at_ms: int = NOON_MS,
    stream_arn: str = STREAM_ARN,
) -> dict[str, Any]:
    """What an event source mapping hands to Lambda: a batch of one shard, numbered from `first` on.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
    """
    return {
        "Records": [
            _kinesis_record(data, sequence_number(number), shard_id, arrived_at_ms)
            | {"eventSourceARN": stream_arn}
            for number, data in enumerate(records, first)
        ]
    }


def _kinesis_record(data: bytes, number: str, shard_id: str, arrived_at_ms: int) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "da10bf66b1f54bff5d96eae99149ad1f",
            "sequenceNumber": number,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": arrived_at_ms / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/stream-processor",
        "awsRegion": "us-east-1",
    }


def firehose_event(
    records: Iterable[bytes], *, shard_id: str = SHARD, first: int = 0, arrived_at_ms: int = NOON_MS
) -> dict[str, Any]:
    """What Firehose hands to its transform when a stream is its source.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    """
    return {
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "sourceKinesisStreamArn": STREAM_ARN,
        "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/usage-meter",
        "region": "us-east-1",
        "records": [
            _firehose_record(data, number, shard_id, arrived_at_ms)
            for number, data in enumerate(records, first)
        ],
    }


def _firehose_record(data: bytes, number: int, shard_id: str, arrived_at_ms: int) -> dict[str, Any]:
    return {
        "recordId": f"{sequence_number(number)}0000",
        "data": base64.b64encode(data).decode(),
        "approximateArrivalTimestamp": arrived_at_ms,
        "kinesisRecordMetadata": {
            "shardId": shard_id,
            "partitionKey": "4d1ad2b9-24f8-4b9d-a088-76e9947c317a",
            "approximateArrivalTimestamp": arrived_at_ms,
            "sequenceNumber": sequence_number(number),
            "subsequenceNumber": 0,
        },
    }
