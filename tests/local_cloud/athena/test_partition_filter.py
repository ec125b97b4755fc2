"""Which partitions a condition can hold for."""

import pytest
import sqlglot
from sqlglot.optimizer.qualify import qualify

from local_cloud.athena.partition_filter import PartitionFilter

DAY = {"year": 2026, "month": 10, "day": 31}
SCHEMA: dict[str, object] = {"calls": {"year": "int", "month": "int", "day": "int", "key": "varchar"}}


def filter_of(query: str) -> PartitionFilter:
    """That of the table ``calls`` in a query."""
    tree = qualify(sqlglot.parse_one(query, read="trino"), schema=SCHEMA, dialect="trino")
    return PartitionFilter.of(tree, "calls")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("year = 2026", True),
        ("2025 = year", False),
        ("year <> 2026", False),
        ("day > 30", True),
        ("day < 31", False),
        ("day >= 31 AND day <= 31", True),
        ("day = 30 OR month = 10", True),
        ("day = 30 OR month = 11", False),
        ("day = 30 OR key = 'a'", True),
        ("day = 30 AND key = 'a'", False),
        ("key = 'a'", True),
        ("NOT (day = 31)", False),
        ("NOT (day = 31 AND key = 'a')", True),
        ("NOT key = 'a'", True),
        ("day BETWEEN 1 AND 30", False),
        ("day BETWEEN month AND 31", True),
        ("day NOT BETWEEN 1 AND 30", True),
        ("day IN (1, 2)", False),
        ("day IN (1, 31)", True),
        ("day NOT IN (31)", False),
        ("day IN (SELECT day FROM calls)", True),
        ("year * 100 + month - 1 = 202609", True),
        ("year * 100 + month = 202611", False),
        ("year / 100 = 1", True),
        ("day = 30.5", True),
        ("day IS NULL", True),
        ("key LIKE 'a' AND (day = 1 OR day = 2)", False),
    ],
)
def test_a_partition_is_left_out_only_for_certain(condition: str, holds: bool) -> None:
    """What depends on more than the partition, or is not understood, may hold."""
    assert holds == filter_of(f"SELECT 1 FROM calls WHERE {condition}").may_hold(DAY)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("SELECT 1 FROM calls", True),
        ("SELECT 1 FROM calls JOIN calls b ON true WHERE calls.day = 1", False),
        ("SELECT 1 FROM calls, calls b WHERE b.day = 1", True),
        ("SELECT 1 FROM calls b LEFT JOIN calls ON true WHERE calls.day = 1", True),
        ("SELECT 1 FROM calls FULL JOIN calls b ON true WHERE calls.day = 1", True),
    ],
)
def test_of_joins_only_inner_ones_are_filtered(query: str, holds: bool) -> None:
    """An outer join makes rows of what is left out."""
    assert holds == filter_of(query).may_hold(DAY)
