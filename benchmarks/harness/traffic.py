"""Traffic to measure with: seeded, heavy-tailed, as the subscription filter delivers it.

Lines have every field of the format that the template exports, and 400 to 700 bytes. A line is written when
its call has been answered, and its time is that of the request, so that calls are out of order by their
latency. CloudWatch Logs delivers what was logged about once a second; a delivery holds `lines` lines at most.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate, count, groupby
from typing import Any, Final

START_MS: Final = int(datetime(2026, 11, 5, 12, tzinfo=UTC).timestamp() * 1000)
FIRST_SEQUENCE_NUMBER: Final = 49_635_052_289_529_725_553_291_405_521_504_870_233_219_489_715_332_317_186
TAIL: Final = 1.1
"""The weight of the key of rank r is 1 / r^TAIL, in all that is measured."""

_FIRST_LOG_EVENT_ID: Final = 36_980_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000
_ROUTES: Final = (
    ("GET", "/v1/forecast/{place}", "/prod/v1/forecast/vienna"),
    ("GET", "/v1/forecast/{place}/hourly", "/prod/v1/forecast/buenos-aires/hourly?units=metric&days=7"),
    ("GET", "/v1/stations", "/prod/v1/stations"),
    ("GET", "/v1/stations/{id}/readings", "/prod/v1/stations/%s/readings"),
    ("POST", "/v1/alerts", "/prod/v1/alerts"),
    ("DELETE", "/v1/alerts/{id}", "/prod/v1/alerts/%s"),
)
_AGENTS: Final = (
    "python-requests/2.32.4",
    "okhttp/4.12.0",
    "curl/8.9.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Mobile",
    "aws-sdk-js/3.650.0 ua/2.0 os/linux#5.10.223 lang/js md/nodejs#20.17.0 api/execute-api#3.650.0 m/E",
)
_ADDRESSES_OF_A_KEY: Final = 3
_STATUSES: Final = {200: 930, 201: 25, 304: 20, 400: 6, 403: 3, 404: 9, 429: 4, 500: 2, 504: 1}


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much comes, of whom, and in which pieces."""

    rate: int = 5_000
    """Calls a second, over all shards."""
    keys: int = 2_000
    seconds: int = 10
    lines: int = 500
    """The most lines of a delivery."""
    shards: int = 1
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the stream: a delivery, and when it reached its shard."""

    shard: int
    number: int
    arrived_at_ms: int
    data: bytes
    lines: int


def shard_id(number: int) -> str:
    """The name of a shard."""
    return f"shardId-{number:012d}"


@cache
def records(traffic: Traffic) -> tuple[Record, ...]:
    """All deliveries, in the order in which they arrive. CloudWatch spreads them over the shards."""
    numbers = [count() for _ in range(traffic.shards)]
    found = []
    for place, (arrived_at_ms, lines) in enumerate(_deliveries(traffic)):
        shard = place % traffic.shards
        found.append(Record(shard, next(numbers[shard]), arrived_at_ms, _delivery(lines), len(lines)))
    return tuple(found)


def batches(traffic: Traffic, window_seconds: float, most_bytes: int = 4_500_000) -> Iterator[list[Record]]:
    """The records of each invocation: those of one shard and window, and no more than Lambda's 6 MB hold.

    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
    """
    window_ms = int(window_seconds * 1000)
    for _, of_window in groupby(records(traffic), lambda one: (one.arrived_at_ms - START_MS) // window_ms):
        of_shard: dict[int, list[Record]] = {}
        for record in of_window:
            of_shard.setdefault(record.shard, []).append(record)
        for found in of_shard.values():
            yield from _cut(found, most_bytes)


def kinesis_event(batch: list[Record]) -> dict[str, Any]:
    """What an event source mapping hands to Lambda.

    https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
    """
    return {"Records": [_kinesis_record(record) for record in batch]}


def firehose_event(batch: list[Record]) -> dict[str, object]:
    """What Firehose hands to its transform.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    """
    return {
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "sourceKinesisStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/usage-meter",
        "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/usage-meter",
        "region": "us-east-1",
        "records": [_firehose_record(record) for record in batch],
    }


def weights(keys: int) -> list[float]:
    """The share of each key in the calls."""
    raw = [1 / rank**TAIL for rank in range(1, keys + 1)]
    whole = sum(raw)
    return [weight / whole for weight in raw]


def _deliveries(traffic: Traffic) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Each delivery: when it arrives, and its lines with the times at which they were logged."""
    for second, logged in groupby(_logged(traffic), lambda one: one[0] // 1000):
        lines = list(logged)
        pieces = [lines[start : start + traffic.lines] for start in range(0, len(lines), traffic.lines)]
        for place, piece in enumerate(pieces):
            yield second * 1000 + 1000 * place // len(pieces), piece


def _logged(traffic: Traffic) -> list[tuple[int, str]]:
    """The lines in the order in which they were written, each with its time."""
    generator = random.Random(traffic.seed)
    keys = [f"{generator.getrandbits(40):010x}" for _ in range(traffic.keys)]
    calls = traffic.rate * traffic.seconds
    cumulative = list(accumulate(weights(traffic.keys)))
    owners = generator.choices(keys, cum_weights=cumulative, k=calls)
    addresses = {key: [_address(generator) for _ in range(_ADDRESSES_OF_A_KEY)] for key in keys}
    return sorted(
        _line(
            START_MS + generator.randrange(traffic.seconds * 1000),
            owner,
            generator.choice(addresses[owner]),
            generator,
        )
        for owner in owners
    )


def _address(generator: random.Random) -> str:
    return ".".join(map(str, generator.randbytes(4)))


def _line(time_ms: int, owner: str, address: str, generator: random.Random) -> tuple[int, str]:
    method, resource, path = generator.choice(_ROUTES)
    (status,) = generator.choices(list(_STATUSES), list(_STATUSES.values()))
    integration = min(29_000, int(generator.lognormvariate(3.5, 0.8)))
    latency = integration + generator.randint(1, 5)
    call = {
        "path": path.replace("%s", f"{generator.getrandbits(48):012x}"),
        "userAgent": generator.choice(_AGENTS),
        "requestId": _uuid(generator),
        "authorizerKeyId": owner,
        "requestLength": str(generator.randrange(20, 3000)) if method == "POST" else "-",
        "extendedRequestId": base64.b64encode(generator.randbytes(11)).decode(),
        "apiId": "a1b2c3d4e5",
        "stage": "prod",
        "apiKeyId": owner,
        "requestTimeEpoch": str(time_ms),
        "httpMethod": method,
        "resourcePath": resource,
        "status": str(status),
        "responseLength": str(int(generator.lognormvariate(7, 1.2))) if status != 304 else "-",
        "responseLatency": str(latency),
        "integrationLatency": "-" if status in {403, 429} else str(integration),
        "sourceIp": address,
    }
    return time_ms + latency, json.dumps(call, separators=(",", ":"))


def _uuid(generator: random.Random) -> str:
    digits = f"{generator.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _delivery(lines: list[tuple[int, str]]) -> bytes:
    envelope = {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/usage-meter/access",
        "logStream": "a1b2c3d4e5",
        "subscriptionFilters": ["usage-meter"],
        "logEvents": [
            {"id": str(_FIRST_LOG_EVENT_ID + number), "timestamp": logged_at_ms, "message": line}
            for number, (logged_at_ms, line) in enumerate(lines)
        ],
    }
    return gzip.compress(json.dumps(envelope, separators=(",", ":")).encode(), mtime=0)


def _cut(found: list[Record], most_bytes: int) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in found:
        if batch and size + len(record.data) > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.data)
    yield batch


def _kinesis_record(record: Record) -> dict[str, object]:
    number = str(FIRST_SEQUENCE_NUMBER + record.number)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "da10bf66b1f54bff5d96eae99149ad1f",
            "sequenceNumber": number,
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": record.arrived_at_ms / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id(record.shard)}:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/stream-processor",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/usage-meter",
    }


def _firehose_record(record: Record) -> dict[str, object]:
    number = str(FIRST_SEQUENCE_NUMBER + record.number)
    return {
        "recordId": f"{number}0000",
        "data": base64.b64encode(record.data).decode(),
        "approximateArrivalTimestamp": record.arrived_at_ms,
        "kinesisRecordMetadata": {
            "shardId": shard_id(record.shard),
            "partitionKey": "4d1ad2b9-24f8-4b9d-a088-76e9947c317a",
            "approximateArrivalTimestamp": record.arrived_at_ms,
            "sequenceNumber": number,
            "subsequenceNumber": 0,
        },
    }
