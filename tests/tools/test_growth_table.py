"""The second table of docs/scale.md is what the shipped code does."""

from __future__ import annotations

from tools.growth_table import ROWS, STEPS, growth_table
from tools.scale_table import PAGE


class TestTable:
    def test_in_the_page(self) -> None:
        """The page holds what is counted now, but for the largest sizes, which take too long for a test."""
        page = PAGE.read_text(encoding="utf-8")
        for cells in growth_table(STEPS[:-1]):
            assert f"| {' | '.join(cells)} |" in page

    def test_largest(self) -> None:
        """The page has a figure for each of the largest sizes too."""
        page = PAGE.read_text(encoding="utf-8")
        for row in ROWS:
            assert f"| {row.least * STEPS[-1]:,}: **" in page
