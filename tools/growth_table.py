"""The second table of docs/scale.md: what grows with calls, shards, alerts, authorizers and keys.

`python -m tools.growth_table` writes it into the page. What the shipped code does is counted and
not timed, on the stores of the simulation, so that it comes out the same on every machine.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Final, NamedTuple, cast

from adapters.dynamodb.hot_path.conditional_writes import (
    AttributeValue,
    ConditionalUpdates,
    UpdateAnswer,
    UpdateRequest,
)
from adapters.dynamodb.leases import DynamoDBLeases
from adapters.dynamodb.thresholds import DEFERRED_AT_ONCE
from metering.calls.call import Call
from metering.calls.record import ReadRecord
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import Append, LedgerAnswer, Page, PageId, Status
from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.plan import AccountKeys, Limit, Mode, Plan, Span
from metering.quotas.ports import Facts, LeasePlace, LeaseRecord, ThresholdCrossing, Wanted
from metering.quotas.threshold import crossing_id
from metering.usage import Metric
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.leases import LeaseBook, LeaseRequest, Recount
from simulation.protocol.store import SimulatedCounters, SimulatedLedger
from simulation.quotas.store import LeasesInMemory
from simulation.quotas.thresholds import NotificationsInMemory, PublishedEvents
from stream_processor.claims import claim
from stream_processor.full_pages import FullPages
from stream_processor.thresholds import LimitWatch
from tools.scale_table import PAGE

_TABLE: Final = re.compile(r"^\| with \| .*\n(?:\|.*\n)+", re.MULTILINE)
_NOON: Final = datetime(2026, 11, 5, 12, tzinfo=UTC)
_NOON_SECONDS: Final = int(_NOON.timestamp())
_CALLS_OF_A_BATCH: Final = 1_000
_SHARDS: Final = 16
_CLAIMS_OF_A_SLOT: Final = 50_000


class _CountingLedger(SimulatedLedger):
    """The ledger in memory, with what its refusals and reads cost."""

    refused_units = 0
    read_units = 0.0

    def read(self, pages: Sequence[PageId]) -> list[Page | None]:
        """Read several pages, eventually consistent: half a unit for each 4 KB."""
        found = super().read(pages)
        self.read_units += sum(0.5 if page is None else ceil(page.size / 4096) / 2 for page in found)
        return found

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append to several pages."""
        answers = super().append(appends)
        refused = (answer for answer in answers if answer.status is Status.REFUSED)
        self.refused_units += sum(ceil(answer.page.size / 1024) for answer in refused)
        return answers


def refused_units(claims: int) -> float:
    """Refused write units a thousand claims, where so many from 16 shards lie in one time slot."""
    ledger, dice, layout = _CountingLedger(), random.Random(1), LedgerLayout()
    processes = [FullPages(ledger, lambda: 0.0, ledger) for _ in range(_SHARDS)]
    for batch in range(claims // _CALLS_OF_A_BATCH):
        calls = [Call("", dice.getrandbits(63), 10_000_000, "k") for _ in range(_CALLS_OF_A_BATCH)]
        shard = batch % _SHARDS
        claim([ReadRecord(batch, calls)], f"shardId-{shard:012d}", processes[shard], layout)
    return ledger.refused_units / claims * 1000


def refused_by_shards(shards: int) -> float:
    """Refused write units a thousand claims: see :func:`_by_shards`."""
    return _by_shards(shards).refused_units / _CLAIMS_OF_A_SLOT * 1000


def read_by_shards(shards: int) -> float:
    """Read units a thousand claims: see :func:`_by_shards`."""
    return _by_shards(shards).read_units / _CLAIMS_OF_A_SLOT * 1000


@lru_cache
def _by_shards(shards: int) -> _CountingLedger:
    """A time slot with 50,000 claims of so many shards, each in one batch. The slot before was the same."""
    ledger, dice, layout = _CountingLedger(), random.Random(1), LedgerLayout()
    processes = [FullPages(ledger, lambda: 0.0, ledger) for _ in range(shards)]
    for slot in range(2):
        ledger.refused_units, ledger.read_units = 0, 0.0
        time_ms = 10_000_000 + slot * layout.slot_ms
        for shard, pages in enumerate(processes):
            calls = [Call("", dice.getrandbits(63), time_ms, "k") for _ in range(_CLAIMS_OF_A_SLOT // shards)]
            claim([ReadRecord(slot, calls)], f"shardId-{shard:012d}", pages, layout)
    return ledger


def batches_until_published(waiting: int) -> float:
    """Batches of each of four shards until so many alerts that had to wait are published."""
    store = NotificationsInMemory(SimulatedCounters())
    store.most_at_once = DEFERRED_AT_ONCE
    limit, day = Limit(Metric.REQUESTS, Span.DAY, 100), Period("2026-11-05")
    ids = (crossing_id(f"key-{number}", limit, day, 50) for number in range(waiting))
    store.defer(
        [ThresholdCrossing(one, "k", "", "p", 1, "requests", day, 100, "hard", 50, 51) for one in ids]
    )
    now = _NOON
    watches = [LimitWatch(store, PublishedEvents(), lambda: now) for _ in range(4)]
    batches = 0
    while store.waiting:
        now += timedelta(seconds=1)
        batches += 1
        for number, watch in enumerate(watches):
            watch.look([], f"shardId-{number:012d}")
    return batches


def lease_changes(authorizers: int) -> float:
    """Changes a second of a reserved limit's record, where so many authorizers spend a unit each second."""
    return _leased(authorizers)[0]


def lease_units(authorizers: int) -> float:
    """Write units a second of that record: each change is billed by the size of all of it."""
    changes, record = _leased(authorizers)
    return changes * ceil(record_bytes(record) / 1024)


class _Recorder:
    """Takes what would be sent to DynamoDB."""

    def run(self, requests: Sequence[UpdateRequest]) -> list[UpdateAnswer]:
        """Keep the values of a request."""
        self.values = requests[0]["ExpressionAttributeValues"]
        return [UpdateAnswer(Status.REFUSED, {})]


def record_bytes(record: LeaseRecord) -> int:
    """The bytes of a limit's record as DynamoDB bills it: of the values that are written, and 60 of names.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    recorder = _Recorder()
    place = LeasePlace("a1b2c3d4e5", "requests/month")
    DynamoDBLeases("counters", cast("ConditionalUpdates", recorder)).begin(place, record)
    return 60 + sum(_bytes(value) for value in recorder.values.values())


def _bytes(value: AttributeValue) -> int:
    if "M" in value:
        return 3 + sum(1 + len(name) + _bytes(inner) for name, inner in value["M"].items())
    if "L" in value:
        return 3 + sum(1 + _bytes(inner) for inner in value["L"])
    return len(value["S"].encode()) if "S" in value else (len(value["N"]) + 1) // 2 + 1


def _leased(authorizers: int) -> tuple[float, LeaseRecord]:
    """Changes a second once all go on as they do, and the record."""
    store, ids = LeasesInMemory(), iter(range(10**9))
    limit = Limit(Metric.REQUESTS, Span.DAY, 10**8, mode=Mode.RESERVED)
    place, day = LeasePlace("k", "requests/day"), Period("2026-11-05")
    books = [LeaseBook(store, lambda: f"{next(ids):012x}") for _ in range(authorizers)]
    writes = []
    for second in range(241):
        request = LeaseRequest(place, day, limit, 0, lambda: Recount(None, 0))
        for book in books:
            book.spend(request, _NOON_SECONDS + second)
        writes.append(sum(book.writes for book in books))
    (record,) = store.sheets.values()
    return (writes[-1] - writes[-121]) / 120, record


class _NoPlans:
    """A store in which no key has a plan."""

    def read(self, wanted: Wanted) -> Facts:  # noqa: ARG002 - every key is alike
        return Facts({}, None, None)

    def plan(self, name: str) -> Plan | None:  # noqa: ARG002 - there is none
        return None

    def account(self, name: str) -> AccountKeys | None:  # noqa: ARG002 - nor an account
        return None

    def counted(self, keys: Iterable[str], periods: frozenset[Period]) -> Counted:  # noqa: ARG002 - as above
        return {}

    def key_of(self, digest: str) -> str | None:
        return digest

    def settled_through(self) -> int | None:
        return None


def read_again(keys: int) -> float:
    """Of a hundred calls of keys that come round and round: how many an authorizer reads again."""
    random.seed(1)
    known = KnownKeys(_NoPlans(), lambda: 0.0, counters_seconds=5, plans_seconds=60, default_plan=None)
    for _ in range(3):
        before = known.reads
        for number in range(keys):
            known.known(f"key-{number}", _NOON_SECONDS)
    return (known.reads - before) / keys * 100


class Row(NamedTuple):
    """Something that is counted, at four orders of magnitude."""

    grows_with: str
    counted: str
    least: int
    measure: Callable[[int], float]


ROWS: Final = (
    Row("claims in one time slot", "refused write units a thousand, 16 shards", 1_000, refused_units),
    Row(
        "shards of one meter", "refused write units a thousand, 50,000 claims in a slot", 1, refused_by_shards
    ),
    Row("shards of one meter", "read units a thousand, the same", 1, read_by_shards),
    Row("alerts that wait", "batches of each of 4 shards", 8, batches_until_published),
    Row("authorizers of one limit", "changes of its record a second", 1, lease_changes),
    Row("authorizers of one limit", "write units of its record a second", 1, lease_units),
    Row("keys of an authorizer in a minute", "of a hundred read again", 100, read_again),
)
STEPS: Final = (1, 10, 100, 1_000)


def growth_table(steps: Sequence[int] = STEPS) -> list[list[str]]:
    """The rows of the table, each with what grows and how far it was counted."""
    return [[row.grows_with, row.counted, *(_cell(row, row.least * step) for step in steps)] for row in ROWS]


def _cell(row: Row, size: int) -> str:
    value = row.measure(size)
    return f"{size:,}: **{value:,.0f}**" if value >= 1_000 else f"{size:,}: **{value:,.3g}**"


def _lines() -> Iterator[str]:
    yield "| with | is counted | " + " | ".join(f"× {step:,}" for step in STEPS) + " |"
    yield "| --- | --- |" + " --: |" * len(STEPS)
    for cells in growth_table():
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Replace the table of the page."""
    page = PAGE.read_text(encoding="utf-8")
    table = "\n".join(_lines())
    PAGE.write_text(_TABLE.sub(lambda _: table + "\n", page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
