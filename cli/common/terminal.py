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
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from metering.visible_text import visible, visible_lines

_WIDTH_OF_A_PIPE = 110
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


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A plain table: the headings, and those of them under which numbers stand to the right."""
    found = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        found.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
    return found


def visible_json(text: str) -> str:
    """JSON in which every character can be seen; to a reader of JSON it is the same."""
    return _NO_ASCII.sub(lambda found: _escaped_if_unseen(found[0]), text)


def _escaped_if_unseen(character: str) -> str:
    return character if visible(character) == character else json.dumps(character)[1:-1]
