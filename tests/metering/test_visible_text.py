"""Text in which every character can be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.visible_text import visible, visible_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop", "shop"),
        ("Zoë's 店", "Zoë's 店"),
        ("pay\u202eexe.cod", r"pay\u202eexe.cod"),
        ("a\u200bb", r"a\u200bb"),
        ("a\nb\x00", r"a\nb\x00"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\x9b2J"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("acme\u00a0", r"acme\xa0"),
        ("acme\u3000x", r"acme\u3000x"),
        ("acme\u3164", r"acme\u3164"),
        ("acme\u2800", r"acme\u2800"),
        ("acme\ufe0f", r"acme\ufe0f"),
        ("acme\U000e0100", r"acme\U000e0100"),
        ("a\u034fb", r"a\u034fb"),
        ("two words", "two words"),
        ("cafe\u0301 क्षि 안녕 שלום", "cafe\u0301 क्षि 안녕 שלום"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, expected: str) -> None:
    """A name cannot look like another by characters that turn or hide, and commands no terminal."""
    assert expected == visible(text)


@given(st.text())
def test_any_text(text: str) -> None:
    """The result can be printed and written as UTF-8, and is not changed again."""
    shown = visible(text)
    shown.encode()
    assert not set(shown) & {"\x1b", "\n", "\r", "\t", "\x00", "\u202e", "\u2066"}
    assert shown == visible(shown)


def test_lines() -> None:
    """Line ends stay where a text has several lines on purpose."""
    assert "a\\t\nb\\r\n" == visible_lines("a\t\nb\r\n")
