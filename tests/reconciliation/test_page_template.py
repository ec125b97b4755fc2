"""Pages from templates: nothing from outside becomes markup, nothing that is missing goes unnoticed."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup

from metering.visible_text import visible
from reconciliation.page_template import compact, rendered, safe


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of templates."""
    place = tmp_path_factory.mktemp("templates")
    (place / "text.html").write_text(
        '{% from "macro.html" import cell %}<p title="{{ text }}">{{ text }}</p>'
    )
    (place / "macro.html").write_text("{% macro cell(text) %}<td>{{ text }}</td>{% endmacro %}")
    (place / "cell.html").write_text('{% from "macro.html" import cell %}{{ cell(text) }}{{ text | lines }}')
    return place


@given(text=st.text())
def test_any_text(folder: Path, text: str) -> None:
    """A text stays one, in an element and in an attribute, and can be written as UTF-8."""
    read = Reader(rendered(folder, "text.html", text=text).decode().removesuffix("\n"))
    assert (["p"], [visible(text)], visible(text)) == (read.tags, read.values, read.text)


def test_macro(folder: Path) -> None:
    """A text is escaped once on its way through a macro, and keeps its line ends only where that is said."""
    page = rendered(folder, "cell.html", text="a & b\n<c>\u202e")
    assert b"<td>a &amp; b\\n&lt;c&gt;\\u202e</td>a &amp; b\n&lt;c&gt;\\u202e\n" == page


def test_missing_value(folder: Path) -> None:
    """A name that nobody gave is an error and no gap in an invoice."""
    with pytest.raises(UndefinedError, match="'text' is undefined"):
        rendered(folder, "text.html")


@pytest.mark.parametrize("value", [None, True, 1.5, b"x", ["x"]])
def test_neither_text_nor_number(value: object) -> None:
    """Nothing is shown in a form that nobody chose: no `None`, no float's digits."""
    with pytest.raises(TypeError, match="a page shows texts and whole numbers"):
        safe(value)


def test_markup_is_not_escaped_again() -> None:
    """Only what says that it is safe is left as it is."""
    assert ("<b>", "&lt;b&gt;", "7") == (safe(Markup("<b>")), safe("<b>"), safe(7))


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("<p>\n  one\n</p>\n", "<p>one</p>"),
        ("<p>one\n   two</p>", "<p>one two</p>"),
        ("<p>one</p>\n\n<p>two</p>", "<p>one</p>\n<p>two</p>"),
        ("{% if a %}\n  <b>{{ a }}</b>\n{% endif %}\n", "{% if a %}<b>{{ a }}</b>{% endif %}"),
        ("<p>{{ a }}\n  {{ b }}</p>", "<p>{{ a }} {{ b }}</p>"),
        ("{# note #}\n<p></p>", "{# note #}<p></p>"),
    ],
)
def test_layout(template: str, page: str) -> None:
    """Of the line breaks of a template the page has those that are blank lines."""
    assert page == compact(template)


def test_loaded_when_needed() -> None:
    """The function's start does not pay for the templates: most of its calls write no page."""
    code = "import sys, reconciliation.handler; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False\n" == done.stdout
