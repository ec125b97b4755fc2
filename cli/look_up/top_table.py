"""The table of the heaviest keys, made to fit the terminal.

A key is an identifier, and part of one names nobody: it is never shortened. Where the terminal is too narrow
for all columns, the bars are left out first, then bytes, then the other numbers; the metric that orders the
keys stays. A key wider than the terminal goes on in the next line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

from cli.common.terminal import Text, table
from cli.look_up.usage_chart import bar
from usage_api.schemas import TopAnswer

_NUMBERS: Final = ("requests", "billable", "errors", "response bytes", "request bytes")
_BAR: Final = ""
"""The heading of the column of bars."""
_LEFT_OUT: Final = (_BAR, "request bytes", "response bytes", "errors", "billable", "requests")
"""What is left out for want of room, in this order."""
_AMPLE: Final = 100_000
"""A width at which nothing has to give way."""


class TopTable:
    """The keys with as many columns as there is room for."""

    def __init__(self, answer: TopAnswer) -> None:
        self._answer = answer
        self._metric = answer.metric.replace("_", " ")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The fullest table that fits."""
        ample = options.update_width(_AMPLE)
        for columns in self._columns():
            rows = self._table(columns)
            if Measurement.get(console, ample, rows).maximum <= options.max_width:
                break
        yield rows

    def _columns(self) -> Iterator[tuple[str, ...]]:
        """The columns beside the key: all, and ever fewer. The metric is always among them."""
        columns: tuple[str, ...] = (*_NUMBERS, _BAR)
        yield columns
        for name in _LEFT_OUT:
            if name != self._metric:
                columns = tuple(column for column in columns if column != name)
                yield columns

    def _table(self, columns: tuple[str, ...]) -> Table:
        rows = table("key", *columns, numbers=_NUMBERS)
        rows.columns[0].overflow = "fold"
        highest = getattr(self._answer.keys[0].totals, self._answer.metric)
        for entry in self._answer.keys:
            values = {name: f"{getattr(entry.totals, name.replace(' ', '_')):,}" for name in _NUMBERS}
            drawn = Text(bar(getattr(entry.totals, self._answer.metric), highest), "cyan")
            cells = (drawn if name == _BAR else values[name] for name in columns)
            rows.add_row(Text(entry.key), *cells)
        return rows
