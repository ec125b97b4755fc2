"""HTML and SVG put together so that nothing from outside can become markup. Pure.

What is no :class:`Markup` is a text and escaped, wherever it goes. Characters that nobody sees are spelled
out: one of them could turn the direction of a line, and show another name than the one that is there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, marks of direction, halves of characters, private and unassigned ones, line separators.
https://www.unicode.org/reports/tr44/#General_Category_Values
"""


class Markup(str):
    """HTML that is safe as it is."""

    __slots__ = ()


Child = Markup | str | int


def tag(name: str, /, *children: Child, **attributes: Child | None) -> Markup:
    """An element. Names of attributes have `_` for `-`, and one more after a word of Python's (`class_`).
    Those that are None are left out.
    """
    return Markup(f"<{name}{_written(attributes)}>{joined(children)}</{name}>")


def empty_tag(name: str, /, **attributes: Child | None) -> Markup:
    """An element that has no content, such as a rectangle of SVG."""
    return Markup(f"<{name}{_written(attributes)}/>")


def joined(children: Iterable[Child], separator: Child = "") -> Markup:
    """Children one after the other."""
    return Markup(_safe(separator).join(_safe(child) for child in children))


def shown(text: str) -> str:
    """A text in which every character can be seen: `\\u202e` in place of one that turns the direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _written(attributes: dict[str, Child | None]) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_safe(value)}"'
        for name, value in attributes.items()
        if value is not None
    )


def _safe(child: Child) -> str:
    return str(child) if isinstance(child, Markup) else escape(shown(str(child)))


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
