"""A meter that has counted something, in a local cloud or on any DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.top_keys import DynamoDBTopKeys
from local_cloud.stack import LocalCloud
from metering.counters.completeness import Knowledge
from metering.counters.ports import Increment, Progress, SliceId, TopKeysList
from metering.period import Period
from metering.quotas.plan import Assignment, KeyStatus, Limit, Plan, Span
from metering.usage import Metric, Usage

MONTH = Period("2026-11")
HOSTILE_KEY = "<img src=x onerror=alert(1)>"
FORMULA_KEY = "=HYPERLINK('http://evil.example')"
PRO = Plan(
    "pro",
    (
        Limit(Metric.BILLABLE, Span.MONTH, 1000),
        Limit(Metric.REQUESTS, Span.HOUR, 5),
    ),
)


class Meter:
    """Counts and assigns, as the stream processor and the command line do."""

    def __init__(self, table_name: str, dynamodb: Any) -> None:
        self.table_name = table_name
        self.dynamodb = dynamodb
        self.book = PlanBook(table_name, dynamodb)
        self._updates = ConditionalUpdates(dynamodb, 1)
        self._counters = DynamoDBCounters(table_name, self._updates)
        self._position = 0

    def count(self, key: str, hour: str, totals: Usage, slice_number: int = 0) -> None:
        """Count calls of a key in an hour."""
        self._position += 1
        shard, position = f"shardId-{16 * slice_number:012d}", self._position
        month, day = Period(hour[:7]), Period(hour[:10])
        self._counters.add(
            [
                Increment(
                    key, month, slice_number, shard, position, position, totals, {hour[8:10]: totals.requests}
                ),
                Increment(
                    key, day, slice_number, shard, position, position, totals, {hour[11:]: totals.requests}
                ),
            ]
        )

    def register_slice(self, number: int) -> None:
        """Register a slice of the month, as is done before anything is added to it."""
        DynamoDBSlices(self.table_name, self._updates).register([SliceId(MONTH, number)])

    def list_heaviest(self, shard_id: str, totals: Mapping[str, int]) -> None:
        """Keep what a shard has seen of the heaviest keys of the month."""
        DynamoDBTopKeys(self.table_name, self._updates).put(TopKeysList(MONTH, shard_id, 1, totals))

    def confirm(self, through: datetime, shard_id: str) -> None:
        """Let the watch have found that everything from before a time is counted, and a shard be that far."""
        at = int(through.timestamp() * 1000)
        DynamoDBProgress(self.table_name, self._updates).note(Progress(shard_id, 1, at))
        known = Knowledge(version=1, through=at, open_shards=(shard_id,))
        assert CompletenessBook(self.dynamodb, self.table_name).save(known)

    def give_plan(self, key: str, plan: Plan, status: KeyStatus = KeyStatus.ACTIVE) -> None:
        """Give a key a plan; one of that name that is there already stays."""
        if self.book.plan(plan.name) is None:
            self.book.put_plan(plan, None)
        self.book.assign(Assignment(key, plan.name, f"account of {key}", status=status))


def usage(requests: int) -> Usage:
    """A usage whose totals differ from one another."""
    return Usage(requests, requests - 1, 1, 100 * requests, 10 * requests, 5 * requests, 7)


def meter_of(cloud: LocalCloud) -> Meter:
    """The meter of a local cloud."""
    return Meter(cloud.stack.name("CountersTable"), cloud.client("dynamodb"))


def fill(cloud: LocalCloud) -> Meter:
    """Count calls of some keys, among them such whose ids mean harm."""
    meter = meter_of(cloud)
    for number, key in enumerate(("alice", "bob", HOSTILE_KEY, FORMULA_KEY), start=1):
        meter.count(key, "2026-11-05T07", usage(10 * number))
        meter.count(key, "2026-11-24T12", usage(number))
        meter.give_plan(key, PRO)
    meter.count("!malformed", "2026-11-05T07", Usage(requests=3))
    return meter
