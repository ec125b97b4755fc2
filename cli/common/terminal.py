"""The terminal, or what stands in its place: a pipe gets plain lines without control codes.

Names of keys, accounts and objects come from outside. Whatever is printed here has its control characters
and marks of direction spelled out, so that no name moves the cursor, names the window, makes a link or looks
like another one; and nothing in square brackets is markup of rich's. Line ends stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from rich import text as rich_text
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Column, Table

from metering.visible_text import visible, visible_lines

_WIDTH_OF_A_PIPE = 110
_AMPLE: Final = 100_000
"""A width at which nothing has to give way."""
_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
"""What bars are made of."""
_NO_ASCII: Final = re.compile(r"[^\x00-\x7e]")


class Text(rich_text.Text):
    """A text in a style of its own."""

    def __init__(self, text: str = "", style: str = "", **options: Any) -> None:
        super().__init__(visible_lines(text), style, **options)


class _Screen(Console):
    """A console on which every character can be seen."""

    def render_str(self, text: str, **options: Any) -> rich_text.Text:
        """A plain string, or one in a table."""
        return super().render_str(visible_lines(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """All else that comes to be printed."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible_lines(segment.text))


def console(*, on_standard_error: bool = False) -> Console:
    """Where a command reports what it does, without colours where `NO_COLOR` is set or the output is a
    pipe.
    """
    found = _Screen(stderr=on_standard_error, highlight=False, markup=False, emoji=False)
    if is_live(found):
        return found
    return _Screen(
        stderr=on_standard_error,
        highlight=False,
        markup=False,
        emoji=False,
        width=_WIDTH_OF_A_PIPE,
        color_system=None,
        force_terminal=False,
    )


def is_live(screen: Console) -> bool:
    """Whether lines can be drawn anew."""
    return screen.is_terminal and not screen.is_dumb_terminal


class FittingTable(Table):
    """A table in which nothing is cut. Where the terminal is too narrow for it, bars are left out, and then
    each row becomes a block of lines, with a line for each cell.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The widest form that fits."""
        if not self._is_cut(console, options):
            yield from super().__rich_console__(console, options)
        elif bars := [column for column in self.columns if _is_bar(column)]:
            yield self._without(bars)
        else:
            yield from self._blocks()

    def _is_cut(self, console: Console, options: ConsoleOptions) -> bool:
        """Whether a column is narrower than its longest word or number. A folded one loses nothing."""
        widths = self._calculate_column_widths(console, options)
        ample = options.update_width(_AMPLE)
        for column, width in zip(self.columns, widths, strict=True):
            needed = self._measure_column(console, ample, column)
            goes_on = column.overflow == "fold" and not column.no_wrap
            if not goes_on and width < (needed.maximum if column.no_wrap else needed.minimum):
                return True
        return sum(widths) > options.max_width

    def _without(self, left_out: list[Column]) -> FittingTable:
        kept = [column for column in self.columns if column not in left_out]
        fewer = FittingTable(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for column in kept:
            fewer.add_column(
                column.header, justify=column.justify, no_wrap=column.no_wrap, overflow=column.overflow
            )
        for cells in zip(*(column.cells for column in kept), strict=True):
            fewer.add_row(*cells)
        return fewer

    def _blocks(self) -> RenderResult:
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            first, *others = zip(self.columns, cells, strict=True)
            yield _cell("", first[1])
            for column, cell in others:
                text = _cell(f"  {column.header} ".replace("   ", "  "), cell)
                if text.plain.strip() not in {"", str(column.header).strip()}:
                    yield text


def _cell(heading: str, cell: RenderableType) -> Text:
    text = Text(heading, "dim", overflow="fold")
    text.append_text(
        cell if isinstance(cell, rich_text.Text) else rich_text.Text(visible_lines(str(cell)), "none")
    )
    return text


def _is_bar(column: Column) -> bool:
    cells = [cell.plain if isinstance(cell, rich_text.Text) else str(cell) for cell in column.cells]
    return not column.header and any(cells) and not "".join(cells).strip(_BLOCKS)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A plain table: the headings, and those of them under which numbers stand to the right."""
    found = FittingTable(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        found.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
    return found


def visible_json(text: str) -> str:
    """JSON in which every character can be seen; to a reader of JSON it is the same."""
    return _NO_ASCII.sub(lambda found: _escaped_if_unseen(found[0]), text)


def _escaped_if_unseen(character: str) -> str:
    return character if visible(character) == character else json.dumps(character)[1:-1]
