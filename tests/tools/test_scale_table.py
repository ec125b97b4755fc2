"""The table of docs/scale.md is the model's."""

from __future__ import annotations

from tools.scale_table import PAGE, scale_table


class TestTable:
    def test_in_the_page(self) -> None:
        """The page holds what `python -m tools.scale_table` writes into it."""
        assert scale_table() in PAGE.read_text(encoding="utf-8")
