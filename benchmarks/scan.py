"""The counters on a page of a Scan: microseconds of the processor an item, by botocore's parser and by ours.

    python -m benchmarks.scan

The page has the shape of one that DynamoDB Local gave (a test reads both engines' pages by both parsers).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

import boto3
import msgspec
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from adapters.dynamodb.counter_reader import counter_of
from adapters.dynamodb.hot_path.scan_page import decode_pages
from adapters.dynamodb.layout import counter_pk, counter_sk
from metering.counters.counter import Counter
from metering.period import Period

ITEMS: Final = 2_000
"""About a megabyte, which is a page."""
_ROUNDS: Final = 9


def page_of_scan(items: int) -> bytes:
    """The body of a response with so many days of keys in it."""
    dice = random.Random(1)
    found = [_item(dice, Period(f"2026-10-{1 + number % 31:02d}")) for number in range(items)]
    capacity = {"TableName": "t", "CapacityUnits": 128.0}
    return msgspec.json.encode(
        {"Count": items, "ScannedCount": items, "Items": found, "ConsumedCapacity": capacity}
    )


def _item(dice: random.Random, day: Period) -> Mapping[str, Mapping[str, str]]:
    numbers = {
        "requests": dice.randrange(1, 99_999),
        "billable": dice.randrange(1, 99_999),
        "errors": dice.randrange(99),
        "response_bytes": dice.randrange(10**9),
        "latency_ms": dice.randrange(10**6),
        "fingerprint": dice.getrandbits(80),
        **{f"h{hour:02d}": dice.randrange(9_999) for hour in range(8)},
    }
    key = {"pk": {"S": counter_pk(f"{dice.getrandbits(40):010x}")}, "sk": {"S": counter_sk(day, 0)}}
    return {**key, **{name: {"N": str(value)} for name, value in numbers.items()}}


class _Raw(NamedTuple):
    """A body as botocore reads it."""

    body: bytes

    def stream(self) -> Iterator[bytes]:
        """All of it in one piece."""
        yield self.body


def client_of(body: bytes, status: int = 200) -> Any:
    """A client of DynamoDB whose every response has this status and body, without a network."""
    client: Any = boto3.client("dynamodb", region_name="us-east-1", config=Config(signature_version=UNSIGNED))

    def respond(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), _Raw(body))

    client.meta.events.register("before-send.dynamodb", respond)
    return client


def counters(client: Any) -> list[Counter]:
    """A page as counters."""
    return [counter_of(item) for item in client.scan(TableName="t")["Items"]]


def microseconds(work: Callable[[], object]) -> float:
    """Of the processor for each item: the median of some rounds."""
    taken = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken) / ITEMS * 1e6


def main() -> None:
    """Print both."""
    body = page_of_scan(ITEMS)
    plain, ours = client_of(body), client_of(body)
    decode_pages(ours)
    print(f"a page of {ITEMS:,} items, {len(body):,} bytes; microseconds of the processor an item:")
    print(f"  by botocore's parser {microseconds(lambda: counters(plain)):.1f}")
    print(f"  by ours              {microseconds(lambda: counters(ours)):.1f}")


if __name__ == "__main__":
    main()
