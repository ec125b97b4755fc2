"""Markup: nothing from outside becomes any."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.markup import Markup, empty_tag, joined, shown, tag


class Reader(HTMLParser):
    """The elements, attributes and texts that a browser would find."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_elements() -> None:
    """Attributes in their order; what is None is left out; markup within markup stays."""
    found = tag("p", tag("b", "1 < 2"), " & 3", class_="note", aria_label="a", title=None)
    assert '<p class="note" aria-label="a"><b>1 &lt; 2</b> &amp; 3</p>' == found
    assert '<rect x="1"/>' == empty_tag("rect", x=1)
    assert "a, <b></b>" == joined(["a", tag("b")], ", ")


@given(st.text())
def test_any_text(text: str) -> None:
    """A text stays one, in an element and in an attribute, and can be written as UTF-8."""
    found = tag("p", text, title=text)
    found.encode()
    read = Reader(found)
    assert (["p"], [shown(text)], shown(text)) == (read.tags, read.values, read.text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop", "shop"),
        ("Zoë's 店", "Zoë's 店"),
        ("pay\u202eexe.cod", r"pay\u202eexe.cod"),
        ("a\u200bb", r"a\u200bb"),
        ("a\nb\x00", r"a\nb\x00"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_nobody_sees_is_shown(text: str, expected: str) -> None:
    """A key cannot look like another by characters that turn or hide."""
    assert expected == shown(text)


def test_markup_is_not_escaped_again() -> None:
    """Only what says that it is safe is left as it is."""
    assert "<p><b></p>" == tag("p", Markup("<b>"))
    assert "<p>&lt;b&gt;</p>" == tag("p", "<b>")
