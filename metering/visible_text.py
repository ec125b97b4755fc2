"""Text in which every character can be seen.

Control characters command a terminal, direction marks turn a line around, and characters of no width make
one name look like another. Whatever comes from outside goes through :func:`visible` before it is shown, on
whatever medium. Pure.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, marks of direction, halves of characters, private and unassigned ones, line separators.
https://www.unicode.org/reports/tr44/#General_Category_Values
"""


def visible(text: str) -> str:
    """The text with each character that cannot be seen spelled out: `\\u202e` for one that turns a line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_spelled_out, text))


def _spelled_out(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
