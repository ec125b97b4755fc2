"""What the tests of month end share: a month of calls on both paths, and the ways to make them differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.layout import counter_pk, counter_sk
from adapters.settings.functions import ReconciliationSettings
from local_cloud.stack import LocalCloud
from metering.calls.call import Call
from metering.calls.event_id import event_hash
from metering.calls.record import ReadRecord
from metering.counters.ports import Increment
from metering.line_format.absent_number import Absent
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY
from metering.period import Period, hour_at, month_of
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.wiring import make_sources
from stream_processor.fold import fold
from tests.local_cloud.athena.workshop import Analyst

OCTOBER = Period("2026-10")
AFTER = datetime(2026, 11, 24, tzinfo=UTC)
"""When the reconciliations of the tests run."""


def at(text: str) -> int:
    """Epoch milliseconds of a time in UTC: `2026-10-31T23:59:59.999`."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def call(event_id: str, when: str, key: str = "a", **values: Any) -> Call:
    """A call; of a reserved key it is what the meter makes of such an event."""
    counted: dict[str, Any] = {} if key == MALFORMED_KEY else {"response_bytes": 1024, "latency_ms": 50}
    billable = key not in (MALFORMED_KEY, UNATTRIBUTED_KEY)
    fields = {"billable": billable, **counted, **values}
    return Call(event_id, event_hash(event_id), at(when), key, **fields)


def row(one: Call) -> dict[str, Any]:
    """The row of a call in the lake, as the transform writes it."""
    time = datetime.fromtimestamp(one.time_ms / 1000, UTC)
    status = None if one.key == MALFORMED_KEY else 503 if one.is_error else 200
    return {
        "eventid": one.event_id,
        "eventhash": one.event_hash,
        "eventtime": f"{time:%Y-%m-%d %H:%M:%S}.{one.time_ms % 1000:03d}",
        "apikeyid": one.key,
        "status": status,
        "billable": one.billable,
        "requestsize": one.request_bytes or 0,
        "responsesize": one.response_bytes or 0,
        "requestsizeknown": None if status is None else one.request_bytes is not Absent.DASH,
        "responsesizeknown": None if status is None else one.response_bytes is not Absent.DASH,
        "responselatency": one.latency_ms or None,
        "outcome": one.outcome,
    }


@dataclass
class Deployment:
    """A local cloud whose lake and counters a test fills by hand."""

    cloud: LocalCloud
    progress: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.analyst = Analyst(self.cloud)
        self.dynamodb = self.cloud.client("dynamodb")
        self.s3 = self.cloud.client("s3")
        self.settings = ReconciliationSettings(
            counters_table=self.cloud.stack.name("CountersTable"),
            lake_bucket=self.analyst.bucket,
            lake_database="usage_meter",
            workgroup=self.analyst.workgroup,
            delivery_stream=self.cloud.stack.name("LakeDeliveryStream"),
            log_groups=(self.cloud.log_group,),
        )
        self.logs = self.cloud.client("logs")
        clients = {"s3": self.s3, "dynamodb": self.dynamodb, "logs": self.logs} | {
            name: self.cloud.client(name) for name in ("athena", "cloudwatch")
        }
        sources = make_sources(self.settings, lambda name, **_config: clients[name], lambda: AFTER)
        self.whole_sources = sources
        self.sources = sources._replace(counted=None, delivered=None)
        updates = ConditionalUpdates(self.dynamodb, 1)
        self._store = DynamoDBCounters(self.settings.counters_table, updates)
        self._positions = iter(range(1, 10**9))
        self._counted: list[Increment] = []

    def empty(self) -> None:
        """Forget everything."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.settings.lake_bucket)
        for page in pages:
            if found := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
                self.s3.delete_objects(Bucket=self.settings.lake_bucket, Delete={"Objects": found})
        self.cloud.create_tables()
        self.progress.clear()

    def count(self, calls: Iterable[Call], shard: int = 0) -> None:
        """Add calls to their counters."""
        record = ReadRecord(next(self._positions), list(calls))
        self._counted = fold([record], f"shardId-{shard:012d}")
        self.count_again()

    def count_again(self) -> None:
        """What Lambda does with a batch that it repeats: the last one."""
        self._store.add(self._counted)

    def land(self, calls: Sequence[Call], partition: str | None = None, name: str = "part") -> None:
        """Put calls into an object of the lake, in the partition of the first."""
        rows = [row(one) for one in calls]
        self.analyst.store(partition or rows[0]["eventtime"][:10], *rows, name=name)

    def both(self, calls: Sequence[Call], name: str = "part") -> None:
        """Count calls and land them, an object for each month."""
        self.count(calls)
        ordered = sorted(calls, key=lambda one: one.time_ms)
        for _, of_month in groupby(ordered, key=lambda one: month_of(hour_at(one.time_ms))):
            self.land(list(of_month), name=name)

    def fail(self, body: bytes, name: str = "processing-failed/one") -> None:
        """Put an object under the error prefix."""
        self.s3.put_object(Bucket=self.settings.lake_bucket, Key=f"errors/{name}", Body=body)

    def edit(self, key: str, period: str, slice_number: int = 0, **changes: int) -> None:
        """Change a counter behind the meter's back."""
        names = {f"#{name}": name for name in changes}
        self.dynamodb.update_item(
            TableName=self.settings.counters_table,
            Key={
                "pk": {"S": counter_pk(key)},
                "sk": {"S": counter_sk(Period(period), slice_number)},
            },
            UpdateExpression="ADD " + ", ".join(f"#{name} :{name}" for name in changes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in changes.items()},
        )

    def remove(self, address: str) -> None:
        """Remove an object of the lake (`s3://...`)."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        self.s3.delete_object(Bucket=bucket, Key=key)

    def reconcile(self, month: str = OCTOBER, now: datetime = AFTER) -> Report:
        """Compare a month."""
        reconciler = Reconciler(self.sources, lambda: now, self.progress.append)
        return reconciler.reconcile(Period(month), run_id=f"run-{next(self._positions)}")


def running() -> Iterator[Deployment]:
    """A deployment for the tests of a module."""
    with LocalCloud() as cloud:
        yield Deployment(cloud)
