"""The terminal, or what stands in its place: a pipe gets plain lines without control codes."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_WIDTH_OF_A_PIPE = 110


def console() -> Console:
    """Where a command tells what it does. It writes no colours where `NO_COLOR` or a pipe asks for none."""
    found = Console(highlight=False)
    if is_live(found):
        return found
    return Console(highlight=False, width=_WIDTH_OF_A_PIPE, color_system=None, force_terminal=False)


def is_live(screen: Console) -> bool:
    """Whether lines can be drawn anew."""
    return screen.is_terminal and not screen.is_dumb_terminal


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A plain table: the headings, and those of them under which numbers stand to the right."""
    found = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        found.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
    return found
