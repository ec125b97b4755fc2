"""The fourth table of docs/scale.md: each function at 100,000 keys and 36 months, within its limits.

    python -m tools.function_load                   # measures all, and writes the table into the page
    python -m tools.function_load scan              # one of them

The work is made up, and what is read from AWS is there at once: what is measured is the function's own time
of the processor, and all memory that the process has had, what measures included. The limits are the
template's. A function has as much of a processor as it has of the 1,769 MB for which Lambda gives one.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import boto3
import msgspec
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from adapters.dynamodb.counter_reader import CounterReader
from adapters.dynamodb.layout import counter_pk, counter_sk
from adapters.settings.functions import UsageApiSettings
from benchmarks.deciding import Steps
from benchmarks.harness.traffic import Traffic, batches, firehose_event, kinesis_event
from benchmarks.harness.traffic import records as records_of
from benchmarks.looking_up import KEY, LOOKS, NOW, event_of
from benchmarks.scan import page_of_scan
from benchmarks.transforming import DELIVERIES_OF_AN_EVENT, meter
from local_cloud.lambda_.function import LambdaContext
from local_cloud.telemetry import quiet_telemetry
from local_cloud.template.document import load_template
from metering.billing_rule import BillingRule
from metering.calls.record import read_record
from metering.period import Period
from stream_processor.fold import fold
from stream_processor.kinesis_event import read_event
from tools.load_table import Load, comparison, heartbeats, measured, measured_load, memory
from tools.scale_table import PAGE
from usage_api.handler import Clocks, make_handler

KEYS: Final = 100_000
MONTHS: Final = 36
_ITEMS_OF_A_KEY: Final = 32
"""In a month: itself, and its days."""
_ITEMS_OF_A_PAGE: Final = 2_000
_PAGES_OF_ALL_MONTHS: Final = 44_000
"""What DynamoDB looks through: 12 KB a key and month, a megabyte a page."""
_CALLS: Final = 50_000
_DECISIONS: Final = 10_000
_MOMENT: Final = datetime(2026, 11, 5, 12, tzinfo=UTC)

_ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:usage-api"
_WHOLE_PROCESSOR_MB: Final = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_TABLE: Final = re.compile(r"^\| function \| .*\n(?:\|.*\n)+", re.MULTILINE)

Work = Callable[[], object]


class _Body(NamedTuple):
    """A body as botocore reads it."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        """All of it in one piece."""
        yield self.content


def _client(respond: Callable[[str, Mapping[str, Any]], bytes]) -> Any:
    """A client of DynamoDB whose responses are made here."""
    config = Config(signature_version=UNSIGNED, max_pool_connections=16)
    client: Any = boto3.client("dynamodb", region_name="us-east-1", config=config)

    def send(request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        body = respond(operation, json.loads(request.body))
        return AWSResponse(request.url, 200, HTTPHeaders(), _Body(body))

    client.meta.events.register("before-send.dynamodb", send)
    return client


def stream_processor() -> Work:
    """A batch as large as Lambda takes, of keys of which there are 100,000, read and folded."""
    [batch, *_] = batches(Traffic(rate=_CALLS, keys=KEYS, seconds=1), 1)
    event, rule = kinesis_event(batch), BillingRule()

    def work() -> None:
        found = read_event(event)
        fold([read_record(one, rule) for one in found], found[0].shard_id)

    return work


def firehose_transform() -> Work:
    """What Firehose hands over at a time."""
    found = list(records_of(Traffic(rate=_CALLS // 10, keys=KEYS, seconds=1)))[:DELIVERIES_OF_AN_EVENT]
    events = [firehose_event(found)]
    return lambda: meter(events)


def scan() -> Work:
    """All months of all keys looked through by DynamoDB, and the counters of one read."""
    full = page_of_scan(_ITEMS_OF_A_PAGE)
    capacity = {"TableName": "t", "CapacityUnits": 256.0}
    empty = msgspec.json.encode(
        {"Count": 0, "ScannedCount": _ITEMS_OF_A_PAGE, "Items": [], "ConsumedCapacity": capacity}
    )
    further = b',"LastEvaluatedKey":{"pk":{"S":"key:a"},"sk":{"S":"2026-10#0"}}}'
    lock, left = threading.Lock(), _PAGES_OF_ALL_MONTHS
    of_month = KEYS * _ITEMS_OF_A_KEY // _ITEMS_OF_A_PAGE

    def respond(_operation: str, _request: Mapping[str, Any]) -> bytes:
        nonlocal left
        with lock:
            left -= 1
            body = full if left % (_PAGES_OF_ALL_MONTHS // of_month) == 0 else empty
            return body[:-1] + further if left > 0 else body

    reader = CounterReader(_client(respond), "t")
    return lambda: sum(1 for _ in reader.of_period(Period("2026-10")))


def quota_authorizer() -> Work:
    """A decision for a key that it does not know yet, after those for many others."""
    steps = Steps()
    for number in range(_DECISIONS):
        steps.decide(f"{number:010x}")
    return lambda: steps.decide("new")


def usage_api() -> Work:
    """The longest look-up of a key: each of 92 days. Other keys and months are not read."""
    first = _MOMENT.date().replace(month=9, day=1)
    days = [Period(f"{first + timedelta(days=number)}") for number in range(92)]
    item = {"requests": {"N": "960"}, **{f"h{hour:02d}": {"N": "40"} for hour in range(24)}}
    found = [{"pk": {"S": counter_pk(KEY)}, "sk": {"S": counter_sk(day, 0)}, **item} for day in days]

    def respond(operation: str, request: Mapping[str, Any]) -> bytes:
        if operation == "Query" and {"S": counter_pk(KEY)} in request["ExpressionAttributeValues"].values():
            return msgspec.json.encode({"Items": found, "Count": len(found), "ScannedCount": len(found)})
        return b'{"Items":[],"Count":0,"ScannedCount":0,"Responses":{}}'

    settings = UsageApiSettings.from_environment({"COUNTERS_TABLE": "t"})
    handle = make_handler(settings, _client(respond), quiet_telemetry("usage_api"), Clocks(lambda: NOW))
    event = event_of(LOOKS[1].query)
    context = LambdaContext("usage-api", _ARN, "512", 1e9)

    def work() -> None:
        if (answer := handle(event, context))["statusCode"] != 200:
            raise AssertionError(f"the look-up failed: {answer}")

    return work


class Job(NamedTuple):
    """What a function does."""

    function: str
    """Its name in the template."""
    what: str
    work: Callable[[], Work]


JOBS: Final[Mapping[str, Job]] = {
    "stream-processor": Job(
        "StreamProcessorFunction", "the largest batch, 47,651 calls, read and folded", stream_processor
    ),
    "firehose-transform": Job("FirehoseTransformFunction", "a buffer transformed", firehose_transform),
    "scan": Job("ReconciliationFunction", "all months looked through, one read", scan),
    "comparison": Job("ReconciliationFunction", "counters and lake of a month compared", comparison(KEYS)),
    "quota-authorizer": Job(
        "QuotaAuthorizerFunction",
        f"a decision for a new key, after {_DECISIONS:,} others",
        quota_authorizer,
    ),
    "usage-api": Job("UsageApiFunction", "a look-up of each of 92 days", usage_api),
    "watch": Job("WatchFunction", "ten runs over 1,000 shards", heartbeats(1_000)),
}


class Limits(NamedTuple):
    """What a function has."""

    seconds: int
    megabytes: int

    def wall_seconds(self, seconds: float) -> float:
        """How long a time of a whole processor takes."""
        return seconds * max(1.0, _WHOLE_PROCESSOR_MB / self.megabytes)


def limits(function: str) -> Limits:
    """Those of a function of the template."""
    properties = load_template()["Resources"][function]["Properties"]
    return Limits(properties["Timeout"], properties["MemorySize"])


def line(job: Job, load: Load) -> str:
    """A row of the table."""
    has = limits(job.function)
    name = job.function.removesuffix("Function")
    took = f"{load.seconds:.3g} s: {has.wall_seconds(load.seconds):.3g} of {has.seconds} s"
    return f"| {name} | {job.what} | {took} | {load.megabytes:.0f} of {has.megabytes} MB |"


def main(arguments: Sequence[str]) -> None:
    """Print one figure, or write the table."""
    if arguments:
        work = JOBS[arguments[0]].work()
        print(json.dumps(measured_load(work)._replace(megabytes=memory("VmHWM"))))
        return
    head = [
        "| function | what | processor, and time at its share | memory |",
        "| --- | --- | --- | --- |",
    ]
    rows = [line(job, measured("tools.function_load", name)) for name, job in JOBS.items()]
    page = PAGE.read_text(encoding="utf-8")
    table = "\n".join([*head, *rows]) + "\n"
    PAGE.write_text(_TABLE.sub(lambda _: table, page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
