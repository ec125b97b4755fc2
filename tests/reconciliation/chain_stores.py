"""A chain of what was billed in memory, whose job is killed at any write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.dynamodb.layout import CHAIN, HEAD
from adapters.dynamodb.table import Table
from adapters.s3.bucket import Bucket
from local_cloud.stack import LocalCloud
from metering.bucket_layout import CHAIN as CHAIN_PREFIX
from metering.bucket_layout import CLOSINGS, INVOICES
from metering.period import Period
from metering.proof.billing_chain import NO_HEAD, Head
from reconciliation.billing_chain import BillingChain

AT = datetime(2026, 11, 24, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here."""


def forget_billing(cloud: LocalCloud) -> None:
    """Remove all that was sealed and issued, and the chain of it."""
    bucket = Bucket(cloud.client("s3"), cloud.stack.name("LakeBucket"))
    for prefix in (CLOSINGS, INVOICES, CHAIN_PREFIX):
        for one in list(bucket.objects(prefix)):
            bucket.delete(one.name)
    Table(cloud.client("dynamodb"), cloud.stack.name("CountersTable")).delete((CHAIN, HEAD))


@dataclass
class MemoryChain:
    """The ports `ChainStore` and `HeadStore`."""

    objects: dict[str, bytes] = field(default_factory=dict)
    links_kept: dict[int, bytes] = field(default_factory=dict)
    lists: dict[str, bytes] = field(default_factory=dict)
    head: Head = NO_HEAD
    writes: int = 0
    killed_at: int | None = None
    before_adding: Callable[[], object] = lambda: None

    def links(self) -> Iterator[tuple[int, bytes]]:
        """All links."""
        return iter(sorted(self.links_kept.items()))

    def add(self, number: int, content: bytes) -> bool:
        """Keep a link, if there is none of that number."""
        self.before_adding()
        kept = self.links_kept.setdefault(number, content) == content
        self._written()
        return kept

    def keep_list(self, digest: str, content: bytes) -> None:
        """Keep a list."""
        self.lists[digest] = content
        self._written()

    def list(self, digest: str) -> bytes | None:
        """A list."""
        return self.lists.get(digest)

    def content(self, name: str) -> bytes | None:
        """An object."""
        return self.objects.get(name)

    def deciding(self) -> Iterator[tuple[Period, str]]:
        """States and documents."""
        for name in sorted(self.objects):
            month = name.split("/")[1].removesuffix(".json")
            if name == f"{CLOSINGS}{month}.json" or name.endswith("/invoice.json"):
                yield Period(month), name

    def read(self) -> Head:
        """The head."""
        return self.head

    def keep(self, head: Head) -> None:
        """Keep a head, unless a later one is kept."""
        self.head = max(self.head, head)
        self._written()

    def chain(self) -> BillingChain:
        """The chain over it."""
        return BillingChain(self, self, lambda: AT, "ops")

    def _written(self) -> None:
        self.writes += 1
        if self.writes == self.killed_at:
            raise Killed
