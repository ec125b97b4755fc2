"""The listing of texts, and the words that they do not use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.messages import KINDS, MESSAGES, Text, faults, listing, texts, unwanted

MODULE = '''
"""What a module is told."""

import typer


def command(name: str = typer.Option("it stands", help="The name that is told.")) -> None:
    """Tell a name."""
    typer.echo(f"{name} was told " "and stands" f"{name or 'nothing was told'}.")
    log = {"told": "told"}  # a comment that is told
'''
SCRIPT = """
// a comment that is told
/* and one more that is told */
const text = `Nothing is ${name} told`, key = "told";
"""
PAGE = """
<style>what is told { color: red }</style>
<h1 title="Read out as told">Told</h1>
{# told to nobody #}
<p>{% if x %}{{ "was told" if y }}{% endif %} {{ told }}</p>
"""
TEMPLATE = """
Parameters:
  Told:
    Description: >-
      What is
      told.
Resources:
  Dashboard:
    Properties:
      DashboardBody: !Sub
        - |
          {"title": "told", "id": "told"}
        - {}
"""
VOCABULARY = """
# Vocabulary

## Words we do not use

| not | but | in |
|---|---|---|
| `told`, `tells` | published | all |
| `stands` | exists | messages |

## Another table

| not | but | in |
|---|---|---|
| `exists` | is | all |
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small product with each kind of text."""
    for path, content in {
        "cli/module.py": MODULE,
        "usage_api/page/script.js": SCRIPT,
        "usage_api/page/vendor/library.js": "const text = 'it is told';",
        "usage_api/page/index.html": PAGE,
        "infra/template.yaml": TEMPLATE,
        "docs/vocabulary.md": VOCABULARY,
        "docs/page.md": "It is\ntold.\n\nIt stands.\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    return tmp_path


def test_what_is_listed(tree: Path) -> None:
    """Each text that is shown, with its kind, file and line; comments, single words and vendored code are
    not.
    """
    assert [
        ("message", "cli/module.py:7", "it stands"),
        ("message", "cli/module.py:7", "The name that is told."),
        ("message", "cli/module.py:9", "{} was told and stands{}."),
        ("message", "cli/module.py:9", "nothing was told"),
        ("help", "cli/module.py:8", "Tell a name."),
        ("page", "usage_api/page/index.html:5", "was told"),
        ("page", "usage_api/page/index.html:3", "Read out as told"),
        ("page", "usage_api/page/index.html:3", "Told"),
        ("page", "usage_api/page/script.js:4", "Nothing is {} told"),
        ("template", "infra/template.yaml:4", "What is told."),
        ("template", "infra/template.yaml:12", "told"),
    ] == sorted(
        ((one.kind, f"{one.place}:{one.line}", one.text) for one in texts(tree) if one.kind in MESSAGES),
        key=lambda one: KINDS.index(one[0]),
    )


def test_docstrings_and_docs(tree: Path) -> None:
    """They are kinds of their own; a page is listed by paragraphs, without the vocabulary itself."""
    assert ["What a module is told.", "It is told.", "It stands."] == [
        one.text for one in texts(tree) if one.kind in {"docstring", "docs"}
    ]


def test_faults(tree: Path) -> None:
    """Whole words, whatever their case; a word of messages only is free in docstrings and docs."""
    page = Path("docs/page.md")
    found = [
        Text("message", page, 1, "Told, untold, told-by."),
        Text("docs", page, 2, "It stands."),
        Text("page", page, 3, "It stands."),
        Text("docstring", page, 4, "It exists."),
        Text("docstring", page, 5, "A page tells."),
    ]
    assert [
        "docs/page.md:1: `told`: write published: Told, untold, told-by.",
        "docs/page.md:3: `stands`: write exists: It stands.",
        "docs/page.md:5: `tells`: write published: A page tells.",
    ] == faults(found, unwanted(tree))


def test_no_table(tree: Path) -> None:
    """A vocabulary without the table is an error: a check of nothing would pass."""
    (tree / "docs" / "vocabulary.md").write_text("# Vocabulary\n")
    with pytest.raises(ValueError, match="Words we do not use"):
        unwanted(tree)


def test_listing() -> None:
    """A heading a file, a line a text."""
    lines = listing([Text("message", Path("a.py"), 3, "Done."), Text("help", Path("a.py"), 9, "Do it.")])
    assert ["## a.py", "", "- 3 (message): Done.", "- 9 (help): Do it."] == lines.splitlines()[2:]


def test_the_product_speaks_plainly() -> None:
    """No text of the product, its docstrings and its docs uses a word that docs/vocabulary.md replaces."""
    found = list(texts())
    assert set(KINDS) == {one.kind for one in found}
    assert [] == faults(found, unwanted())
