"""HTML pages from Jinja templates, in which no text from outside can become markup.

What is put into a page is escaped, and characters that cannot be seen are spelled out. A name that is not
there is an error, and so is a value that is neither text nor number: no page says `None`.

A template is laid out for its reader. In the page a blank line becomes a line break; any other line break is
dropped beside a tag, and is a space between words.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from metering.visible_text import visible

if TYPE_CHECKING:
    from datetime import datetime

    from jinja2 import Environment

_BLANK_LINE: Final = re.compile(r"\n *\n\s*")
_BESIDE_A_TAG: Final = re.compile(r"(?<=>)\n *|(?<=[%#]\})\n *|\n *(?=<|\{[%#])")
_BETWEEN_WORDS: Final = re.compile(r"\n *")
_BREAK: Final = "\0"


def rendered(templates: Path, name: str, **values: object) -> bytes:
    """The page of a template in a folder, in UTF-8. The same values always give the same bytes."""
    return f"{_environment(templates).get_template(name).render(values)}\n".encode()


@cache
def stylesheet(path: Path) -> Markup:
    """A file of CSS, as it is put into a page."""
    return Markup(path.read_text(encoding="utf-8").strip())  # noqa: S704 - a file of this package


@cache
def _environment(folder: Path) -> Environment:
    """The templates of a folder, each read and compiled once."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - slow, and rarely needed

    environment = Environment(
        loader=FunctionLoader(lambda name: compact((folder / name).read_text(encoding="utf-8"))),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=safe,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(lines=_lines, number=number, signed=signed, time=time, words=_words)
    return environment


def compact(template: str) -> str:
    """A template without the line breaks that are there for its reader."""
    text = _BESIDE_A_TAG.sub("", _BLANK_LINE.sub(_BREAK, template.strip()))
    return _BETWEEN_WORDS.sub(" ", text).replace(_BREAK, "\n")


def safe(value: object) -> Markup:
    """What an expression of a template puts into the page.

    Raises:
        TypeError: the value is no text and no whole number.
        UndefinedError: there is no such value.
    """
    if isinstance(value, Markup):
        return value
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"a page shows texts and whole numbers, not {value!r}")
    return Markup(escape(visible(text)))  # noqa: S704 - escaped here


def number(value: int) -> str:
    """Such as 1,234,567."""
    return f"{value:,}".replace("-", "−")


def signed(value: int) -> str:
    """Such as +1,234."""
    return f"{value:+,}".replace("-", "−")


def time(value: datetime | None) -> str:
    """In UTC, to the second, or to the millisecond where it has some."""
    if value is None:
        return ""
    milliseconds = value.microsecond // 1000
    return f"{value:%Y-%m-%d %H:%M:%S}{f'.{milliseconds:03d}' if milliseconds else ''}"


def _words(name: str) -> str:
    """A field's name as it is read: `response bytes`."""
    return name.replace("_", " ")


def _lines(text: str) -> Markup:
    """A text of several lines, whose line ends stay."""
    return Markup("\n").join(map(safe, text.split("\n")))
