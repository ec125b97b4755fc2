"""What the tests of archives share: a month that is sealed and final, and whoever archives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.chain_head import DynamoDBChainHead
from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.bucket import Bucket
from adapters.s3.month_states import S3Closings
from adapters.s3.recoveries import S3Recoveries
from metering.outcome import UNATTRIBUTED_KEY
from metering.period import Period
from metering.proof.month_state import Closing
from metering.usage import TOTALS
from reconciliation.archive.archiver import Archived, Archiver, ArchiveStores
from reconciliation.billing_chain import BillingChain
from reconciliation.closing import Closer, SealedMonths
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, call
from tests.reconciliation.repair.repairing import run

FINAL = datetime(2027, 12, 1, tzinfo=UTC)
"""From here on October 2026 is final."""
CALLS = [
    call("1", "2026-10-01T00:00:00"),
    call("2", "2026-10-31T23:59:59.999"),
    call("3", "2026-10-05T00:00:00", "b"),
    call("4", "2026-10-05T07:00:00", "b"),
    call("5", "2026-10-05T00:00:00", UNATTRIBUTED_KEY),
]
"""Four counters of days, of three keys."""
ROWS = 4
MOST_WRITES = 25
"""That one request of DynamoDB takes."""

Items = dict[tuple[str, str], dict[str, Any]]


@dataclass
class Kept:
    """How long a stream keeps its records."""

    time: timedelta = timedelta(days=1)

    def retention(self) -> timedelta:
        """As it is set."""
        return self.time


@dataclass
class Archivist:
    """Whoever archives months of a deployment, in parts of three counters and batches of two."""

    deployment: Deployment
    now: datetime = FINAL
    s3: Any = None
    dynamodb: Any = None
    stream: Kept = field(default_factory=Kept)
    final_after: int = 12
    reconciled: int = 0

    def __post_init__(self) -> None:
        settings = self.deployment.settings
        s3, dynamodb = self.s3 or self.deployment.s3, self.dynamodb or self.deployment.dynamodb
        self.bucket = Bucket(s3, settings.lake_bucket)
        self.table = DynamoDBArchives(dynamodb, settings.counters_table)
        self.recoveries = S3Recoveries(s3, settings.lake_bucket)
        heads = DynamoDBChainHead(dynamodb, settings.counters_table)
        self.chain = BillingChain(S3BillingChain(s3, settings.lake_bucket), heads, lambda: self.now, "ops")
        self.closings = S3Closings(s3, settings.lake_bucket)
        self.archiver = Archiver(
            ArchiveStores(self.table, self.bucket, self.recoveries, self.stream),
            SealedMonths(self.closings, self.deployment.sources.queries, self.chain),
            self.chain,
            self._reconcile,
            lambda: self.now,
            who="ops",
            final_after=self.final_after,
            part_rows=3,
            batch_rows=2,
        )

    def close(self) -> Closing:
        """Seal October."""
        queries = self.deployment.sources.queries
        closer = Closer(self.closings, queries, self._reconcile, lambda: AFTER, "ops", chain=self.chain)
        return closer.close(OCTOBER, run_id=run())

    def archive(self) -> Archived:
        """Archive October."""
        return self.archiver.archive(self.archiver.look(OCTOBER, run_id=run()))

    def restore(self) -> Archived:
        """Bring October back."""
        return self.archiver.restore(self.archiver.archived(OCTOBER))

    def _reconcile(self, month: Period, run_id: str) -> Report:
        self.reconciled += 1
        return Reconciler(self.deployment.sources, lambda: self.now).reconcile(month, run_id=run_id)

    def items(self) -> Items:
        """All items of the counters table."""
        found = self.deployment.dynamodb.scan(TableName=self.deployment.settings.counters_table)["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}

    def counters(self) -> Items:
        """The counters alone."""
        return {place: item for place, item in self.items().items() if place[0].startswith("key:")}

    def days(self) -> list[tuple[str, str]]:
        """The places of the counters of days, in order."""
        return sorted(place for place in self.counters() if len(place[1]) > len("2026-10#0"))

    def objects(self, prefix: str = "") -> list[str]:
        """The names of objects."""
        return [one.name for one in self.bucket.objects(prefix)]


class Sealed:
    """A month that is sealed, to be begun with again and again."""

    def __init__(self, cloud: Deployment) -> None:
        self.cloud = cloud
        self._begun = Archivist(cloud)
        self._items = self._begun.items()
        self._objects = set(self._begun.objects())

    def again(self) -> Deployment:
        """The deployment as it was when the month was sealed."""
        self.remove_objects_but(self._objects)
        self.restore_table(self._items)
        return self.cloud

    def remove_objects_but(self, names: set[str]) -> None:
        """Leave the objects of the bucket that there were at an earlier time."""
        if removed := [{"Key": name} for name in set(self._begun.objects()) - names]:
            bucket = self.cloud.settings.lake_bucket
            self.cloud.s3.delete_objects(Bucket=bucket, Delete={"Objects": removed})

    def restore_table(self, items: Items) -> None:
        """Make the counters table what it was at an earlier time."""
        now, table = self._begun.items(), self.cloud.settings.counters_table
        writes: list[Any] = [
            {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}
            for pk, sk in now.keys() - items.keys()
        ]
        writes += [{"PutRequest": {"Item": item}} for place, item in items.items() if now.get(place) != item]
        for start in range(0, len(writes), MOST_WRITES):
            some = writes[start : start + MOST_WRITES]
            self.cloud.dynamodb.batch_write_item(RequestItems={table: some})


def without_zeros(items: Items) -> Items:
    """The items without totals and parts of 0, which are none."""
    return {
        place: {name: value for name, value in item.items() if name not in TOTALS or value != {"N": "0"}}
        for place, item in items.items()
    }
