"""A chart of a few lines: a column for each part of a period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from cli.common.terminal import Text

HEIGHT: Final = 6
"""Lines of the columns, without the axis and what stands below it."""

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_WIDEST: Final = 3
_COLOUR: Final = Style(color="cyan")


class ChartColumn(NamedTuple):
    """A value and what it is of."""

    label: str
    value: int


class UsageChart:
    """Columns, as wide as there is room for. The first and the last are named; the scale ends at the
    highest.
    """

    def __init__(self, columns: Sequence[ChartColumn]) -> None:
        self._columns = columns

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines of the chart."""
        if not self._columns:
            return
        highest = max(column.value for column in self._columns)
        scale = f"{highest:,}"
        width = _width(options.max_width - len(scale) - 2, len(self._columns))
        heights = [eighths(column.value, highest) for column in self._columns]
        for line in range(HEIGHT - 1, -1, -1):
            yield Segment(f"{scale if line == HEIGHT - 1 else '':>{len(scale)}} │")
            yield Segment("".join(_cells(heights, line, width)).rstrip(), _COLOUR)
            yield Segment.line()
        yield Segment(f"{'0':>{len(scale)}} └{'─' * (width * len(self._columns))}\n")
        yield Text(" " * (len(scale) + 2) + self._names(width * len(self._columns)))

    def _names(self, width: int) -> str:
        first, last = self._columns[0].label, self._columns[-1].label
        return first + last.rjust(max(width - len(first), len(last) + 1))


def eighths(value: int, highest: int) -> int:
    """How high a column is, in eighths of a line. What is there at all is seen."""
    return -(-value * 8 * HEIGHT // highest) if value else 0


def _cells(heights: Sequence[int], line: int, width: int) -> Iterator[str]:
    for height in heights:
        yield _EIGHTHS[min(8, max(0, height - 8 * line))] * max(1, width - 1) + " " * (width > 1)


def _width(room: int, count: int) -> int:
    return max(1, min(_WIDEST, room // count))


def bar(value: int, highest: int, width: int = 24) -> str:
    """A line as long as a value is large. What is there at all is seen."""
    return "█" * -(-value * width // highest) if value else ""
