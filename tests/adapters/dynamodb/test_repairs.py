"""Corrections in DynamoDB: on moto and on AWS's own engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.layout import repair_pk
from adapters.dynamodb.repairs import DynamoDBRepairs
from metering.counters.counter import Counter
from metering.counters.ports import Status
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.correction import NOT_HELD, Audit, Correction, Fate, Held, HeldCounters
from metering.usage import NO_USAGE, Usage
from tests.stream_processor.storage_contract import (
    DAY,
    FAR_SHARD,
    MONTH,
    OTHER_SHARD,
    SEQUENCE,
    SHARD,
    increment,
)
from tests.tables import Tables, create_tables

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEY = "a1b2c3"
AUDIT = Audit("run-1", "a reason", "somebody", "2026-11-24T00:00:00Z")


@dataclass
class Bench:
    """A repair store on new tables, and the live counters beside it."""

    tables: Tables

    def __post_init__(self) -> None:
        self.repairs = DynamoDBRepairs(self.tables.dynamodb, self.tables.counters)
        self.live = DynamoDBCounters(self.tables.counters, self.tables.updates(1))

    def held(self, period: Period = MONTH) -> Held:
        """A counter as it is now."""
        return self.repairs.read(KEY, MONTH).get(period, NOT_HELD)

    def to(self, usage: Usage, parts: dict[str, int], period: Period = MONTH) -> Correction:
        """The correction of a counter to these figures."""
        return Correction(self.held(period).counter(KEY, period), Counter(KEY, period, usage, parts))


@pytest.fixture(params=["moto", "dynamodb_local"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Either engine."""
    return Bench(create_tables(request.getfixturevalue(request.param)))


def test_read(bench: Bench) -> None:
    """The counters of a key by period, slice by slice, with their watermarks."""
    assert {} == bench.repairs.read(KEY, MONTH)
    bench.live.add([increment(), increment(shard_id=FAR_SHARD, slice_number=1), increment(key="other")])
    bench.live.add([increment(period=DAY, parts={"07": 3}), increment(period=Period("2026-10"))])
    found: HeldCounters = bench.repairs.read(KEY, MONTH)
    assert {MONTH, DAY} == set(found)
    assert [0, 1] == [one.number for one in found[MONTH].slices]
    assert {"w0", "w16"} == set(found[MONTH].watermarks)
    assert (6, {"05": 6}) == ((both := found[MONTH].counter(KEY, MONTH)).usage.requests, both.parts)


def test_write(bench: Bench) -> None:
    """A correction adds its difference to slice 0; totals, parts and the largest fingerprint are exact."""
    bench.live.add([increment()])
    wanted = Usage(5, 5, 0, 2**62, 7, 1, 2**126 - 1)
    one = bench.to(wanted, {"05": 1, "31": 4})
    before = bench.held().watermarks
    assert Fate.WRITTEN is bench.repairs.write(one, bench.held(), AUDIT)
    after = bench.held()
    assert (wanted, {"05": 1, "31": 4}) == (
        (counter := after.counter(KEY, MONTH)).usage,
        counter.parts,
    )
    assert before == after.watermarks


def test_new(bench: Bench) -> None:
    """A counter that is not there is made; if it is there meanwhile, nothing is written."""
    one = bench.to(Usage(1), {"05": 1})
    bench.live.add([increment()])
    assert Fate.CHANGED is bench.repairs.write(one, NOT_HELD, AUDIT)
    assert increment().totals == bench.held().counter(KEY, MONTH).usage
    day = bench.to(Usage(1), {"07": 1}, DAY)
    assert Fate.WRITTEN is bench.repairs.write(day, NOT_HELD, AUDIT)
    assert {} == bench.held(DAY).watermarks


@pytest.mark.parametrize(("shard_id", "number"), [(SHARD, 0), (OTHER_SHARD, 0), (FAR_SHARD, 1)])
def test_live_increment(bench: Bench, shard_id: str, number: int) -> None:
    """A live increment of any slice between reading and writing makes the condition fail."""
    bench.live.add([increment(), increment(shard_id=FAR_SHARD, slice_number=1)])
    held, one = bench.held(), bench.to(NO_USAGE, {})
    (answer,) = bench.live.add([increment(SEQUENCE + 9, shard_id=shard_id, slice_number=number)])
    assert Status.WRITTEN is answer.status
    assert Fate.CHANGED is bench.repairs.write(one, held, AUDIT)
    assert 9 == bench.held().counter(KEY, MONTH).usage.requests
    assert [] == [item for item in bench.tables.items(bench.tables.counters) if "repair" in item["pk"]["S"]]


def test_once_a_report(bench: Bench) -> None:
    """A second correction for the same report is refused, whatever the counter holds."""
    for requests, fate in ((4, Fate.WRITTEN), (5, Fate.CHANGED)):
        one = bench.to(Usage(requests), {"05": requests})
        assert fate is bench.repairs.write(one, bench.held(), AUDIT)
    assert 4 == bench.held().counter(KEY, MONTH).usage.requests
    (audit,) = [
        item for item in bench.tables.items(bench.tables.counters) if item["pk"]["S"] == repair_pk(KEY)
    ]
    assert {"pk", "sk", "before", "after", "reason", "report", "who", "at"} == set(audit)


class Cancelling:
    """A client whose transactions are cancelled."""

    def __init__(self, code: str, *reasons: str) -> None:
        self._code, self._reasons = code, reasons

    def transact_write_items(self, **_: Any) -> None:
        """As DynamoDB reports it."""
        answer: Any = {
            "Error": {"Code": self._code, "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
            "CancellationReasons": [{"Code": reason} for reason in self._reasons],
        }
        raise ClientError(answer, "TransactWriteItems")


ONE = Correction(Counter("a", MONTH, NO_USAGE), Counter("a", MONTH, Usage(1)))


def test_conflict_with_a_live_increment() -> None:
    """A transaction that meets an increment under way has changed nothing."""
    client = Cancelling("TransactionCanceledException", "None", "TransactionConflict")
    assert Fate.CHANGED is DynamoDBRepairs(cast("DynamoDBClient", client), "counters").write(
        ONE, NOT_HELD, AUDIT
    )


def test_throttled() -> None:
    """One that is throttled may work later."""
    client = Cancelling("TransactionCanceledException", "ThrottlingError", "None")
    with pytest.raises(Transient, match="ThrottlingError"):
        DynamoDBRepairs(cast("DynamoDBClient", client), "counters").write(ONE, NOT_HELD, AUDIT)


def test_not_allowed() -> None:
    """One that is not allowed will not."""
    client = Cancelling("AccessDeniedException")
    with pytest.raises(Misconfigured, match="TransactWriteItems of counters"):
        DynamoDBRepairs(cast("DynamoDBClient", client), "counters").write(ONE, NOT_HELD, AUDIT)
