"""What is read of one key, as it was written, on moto and on AWS's own engine alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.key_audit import Alert, KeyReader, KeyRepair, shard_of
from adapters.dynamodb.layout import watermark_attribute
from adapters.dynamodb.repairs import DynamoDBRepairs
from adapters.dynamodb.thresholds import DynamoDBNotifications
from metering.counters.counter import Counter
from metering.counters.ports import Increment
from metering.errors import Misconfigured
from metering.period import Period
from metering.proof.correction import Audit, Correction, Fate, Held
from metering.quotas.ports import Notification, ThresholdCrossing
from metering.usage import Usage
from tests.tables import Tables, create_tables

MONTH, DAY, HOUR = Period("2026-11"), Period("2026-11-05"), Period("2026-11-05T07")
POSITION = 49_635_052_289_529_725_553_291_405_521_504_870_233_219_489_715_332_317_186
AT = 1_793_448_000


def count(tables: Tables, key: str, period: Period, shard: int, position: int) -> None:
    """Two calls, brought by a record of a shard. Sixteen shards share a slice."""
    part = "05" if period == MONTH else "07"
    increment = Increment(
        key, period, shard // 16, f"shardId-{shard:012d}", position, position, Usage(2), {part: 2}
    )
    DynamoDBCounters(tables.counters, tables.updates()).add([increment])


def crossing(key: str, period: Period, threshold: int) -> ThresholdCrossing:
    """A threshold that a key has reached."""
    name = f"{key} {period} {threshold}"
    return ThresholdCrossing(name, key, "", "free", 1, "requests", period, 10, "hard", threshold, 9)


def report(tables: Tables, *crossings: ThresholdCrossing, reported: bool = True) -> None:
    """Claim crossings, and mark them as reported."""
    store = DynamoDBNotifications(tables.counters, tables.dynamodb, tables.updates())
    store.claim([Notification(one, "shardId-000000000000", AT, AT - 60) for one in crossings])
    if reported:
        store.mark_published(crossings)


class KeyContract:
    """What the reader does on any DynamoDB."""

    def test_slices(self, tables: Tables) -> None:
        """Each with its own totals and the shards that brought them; no other key, no other period."""
        count(tables, "a", MONTH, 0, POSITION)
        count(tables, "a", MONTH, 3, 7)
        count(tables, "a", MONTH, 17, 9)
        count(tables, "a", DAY, 0, POSITION)
        count(tables, "ab", MONTH, 0, POSITION)
        found = KeyReader(tables.dynamodb, tables.counters).slices("a", MONTH)
        assert [
            (0, 4, {"05": 4}, {"shardId-000000000000": POSITION, "shardId-000000000003": 7}),
            (1, 2, {"05": 2}, {"shardId-000000000017": 9}),
        ] == [(one.number, one.counter.usage.requests, one.counter.parts, one.watermarks) for one in found]
        (of_day,) = KeyReader(tables.dynamodb, tables.counters).slices("a", DAY)
        assert (DAY, {"07": 2}) == (of_day.counter.period, of_day.counter.parts)

    def test_nothing(self, tables: Tables) -> None:
        """A key without a counter has no slices and no alerts."""
        reader = KeyReader(tables.dynamodb, tables.counters)
        assert ([], []) == (reader.slices("a", MONTH), reader.alerts("a", MONTH))

    def test_alerts_of_a_month(self, tables: Tables) -> None:
        """Those of the month, its days and hours, in order; one that is not reported says since when."""
        report(tables, crossing("a", HOUR, 100), crossing("a", MONTH, 80), crossing("a", MONTH, 50))
        report(tables, crossing("a", DAY, 50), reported=False)
        report(tables, crossing("a", Period("2026-12"), 50), crossing("b", MONTH, 50))
        assert [
            Alert(MONTH, "requests", 10, 50, None),
            Alert(MONTH, "requests", 10, 80, None),
            Alert(DAY, "requests", 10, 50, datetime.fromtimestamp(AT, UTC)),
            Alert(HOUR, "requests", 10, 100, None),
        ] == KeyReader(tables.dynamodb, tables.counters).alerts("a", MONTH)

    def test_alerts_of_a_day(self, tables: Tables) -> None:
        """Those of the day, its hours and its month."""
        other_day = Period("2026-11-06")
        report(tables, crossing("a", HOUR, 50), crossing("a", MONTH, 50), crossing("a", other_day, 50))
        found = KeyReader(tables.dynamodb, tables.counters).alerts("a", DAY)
        assert [MONTH, HOUR] == [alert.period for alert in found]
        assert all(alert.is_published for alert in found)

    def test_repairs(self, tables: Tables) -> None:
        """Those of the month and its days, as their audits say; of a day only its own."""
        for period, report in ((MONTH, "r1"), (DAY, "r1"), (Period("2026-10"), "r0")):
            before = Counter("a", period, Usage(3), {"05": 3})
            after = Counter("a", period, Usage(5), {"05": 5})
            correction = Correction(before, after)
            audit = Audit(report, "a lost batch", "ann", "2026-12-02T10:00:00Z")
            store = DynamoDBRepairs(tables.dynamodb, tables.counters)
            assert Fate.WRITTEN is store.write(correction, Held(()), audit)
        reader = KeyReader(tables.dynamodb, tables.counters)
        of_month = KeyRepair(MONTH, 3, 5, "a lost batch", "r1", "ann", "2026-12-02T10:00:00Z")
        of_day = of_month._replace(period=DAY)
        assert [of_month, of_day] == reader.repairs("a", MONTH)
        assert [of_day] == reader.repairs("a", DAY)

    def test_no_table(self, tables: Tables) -> None:
        """Is a setting to be changed."""
        with pytest.raises(Misconfigured):
            KeyReader(tables.dynamodb, "elsewhere").slices("a", MONTH)


class TestOnMoto(KeyContract):
    """moto, one request at a time."""

    @pytest.fixture
    def tables(self, moto: str) -> Tables:
        return create_tables(moto)


class TestOnDynamoDBLocal(KeyContract):
    """AWS's own engine."""

    @pytest.fixture
    def tables(self, dynamodb_local: str) -> Tables:
        return create_tables(dynamodb_local)


@pytest.mark.parametrize(
    "shard", ["shardId-000000000000", "shardId-000000000017", "shardId-1234567890123", "odd"]
)
def test_shard_of(shard: str) -> None:
    """The name of a watermark leads back to its shard."""
    assert shard == shard_of(watermark_attribute(shard))


@pytest.mark.parametrize("name", ["requests", "d05", "h07", "w", "pk"])
def test_no_shard(name: str) -> None:
    """Other attributes are none."""
    assert shard_of(name) is None
