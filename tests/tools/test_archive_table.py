"""The table of docs/scale.md on archives is what the shipped code reads."""

from __future__ import annotations

from tests.tables import create_tables
from tools.archive_table import MONTHS, costs, row_of
from tools.scale_table import PAGE


class TestTable:
    def test_in_the_page(self, dynamodb_local: str) -> None:
        """The page holds what is read now, but for more than one month, which takes too long for a test."""
        page, tables = PAGE.read_text(encoding="utf-8"), create_tables(dynamodb_local)
        assert row_of(costs(tables.dynamodb, tables.counters, MONTHS[0])) in page
        assert all(f"\n| {number} | " in page for number in MONTHS)

    def test_archived(self, dynamodb_local: str) -> None:
        """A month that leaves keeps one counter a key in the table, and no request reads the others. It goes
        in two batches.
        """
        tables = create_tables(dynamodb_local)
        found = costs(tables.dynamodb, tables.counters, 15, keys=4)
        days = sum((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28, 31))
        assert 4 * (15 + days) == found.before.items
        assert 4 * (15 + days - 31) + 1 == found.after.items  # the mark is an item, too
        assert found.after.read_units < found.before.read_units
