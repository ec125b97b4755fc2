"""Text in which every character can be seen.

Control characters command a terminal, direction marks turn a line around, and characters of no width make
one name look like another. Whatever comes from outside goes through :func:`visible` before it is shown, on
whatever medium. Pure.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""Controls, marks of direction, halves of characters, private and unassigned ones, separators of lines and
words. https://www.unicode.org/reports/tr44/#General_Category_Values
"""
_IGNORABLE: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
"""Characters of other categories that leave no mark: fillers, selectors of variations, joiners (the property
`Default_Ignorable_Code_Point`), and the blank of Braille.
"""


def visible(text: str) -> str:
    """The text with each character that cannot be seen spelled out: `\\u202e` for one that turns a line. A
    space is one that can be seen; any other kind of space is not, for it looks like that one.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_spelled_out, text))


def visible_lines(text: str) -> str:
    """The same for a text of several lines, whose line ends stay."""
    return "\n".join(map(visible, text.split("\n")))


def _spelled_out(character: str) -> str:
    is_seen = unicodedata.category(character) not in _UNSEEN and character not in _IGNORABLE
    if is_seen or character == " ":
        return character
    return character.encode("unicode_escape").decode("ascii")
