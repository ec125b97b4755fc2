"""Lists every text of the product that a person can see, with its place, and checks it by the vocabulary.

    python -m tools.messages [--kind KIND ...] [--check]

Texts are found by syntax, without running anything: strings of Python, help of commands, templates and
scripts of pages, descriptions in the CloudFormation template. Docstrings and docs are further kinds.
``--check`` prints only texts with a word of the table "Words we do not use" of docs/vocabulary.md, and ends
with 1 if there are any.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    *("metering", "adapters", "stream_processor", "firehose_transform", "quota_authorizer", "usage_api"),
    *("reconciliation", "watch", "local_cloud", "simulation", "cli", "benchmarks", "tools"),
)
VOCABULARY = Path("docs/vocabulary.md")
PROSE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "docs/decisions/*.md")
ONLY_IN_MESSAGES = "messages"
"""In the table's last column: docstrings and docs may use the word."""

MESSAGE, HELP, PAGE, TEMPLATE = "message", "help", "page", "template"
DOCSTRING, DOCS = "docstring", "docs"
MESSAGES = (MESSAGE, HELP, PAGE, TEMPLATE)
KINDS = (*MESSAGES, DOCSTRING, DOCS)

SEVERAL_WORDS = re.compile(r"[A-Za-z{][\w}'’`-]*[,;:.]? +[`'\"({]?[A-Za-z{]")
HIDDEN = "{}"
"""In place of a value that is put in."""

JAVASCRIPT = re.compile(
    r"//[^\n]*|/\*.*?\*/|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)", re.DOTALL
)
JINJA = re.compile(r"\{#.*?#\}|\{%(?P<tag>.*?)%\}|\{\{(?P<value>.*?)\}\}", re.DOTALL)
QUOTED = re.compile(r"\"([^\"\n]*)\"")
SEEN_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "content", "label"}
SEEN_KEYS = {
    *("Description", "AlarmDescription", "ConstraintDescription", "AssertDescription", "Comment"),
    *("Name", "Subject", "Message", "Label", "Default"),
}
SEEN_IN_DASHBOARD = re.compile(r'"(?:title|label|markdown|value)": "([^"]*)"')


class Text(NamedTuple):
    """A text, and where it is."""

    kind: str
    place: Path
    line: int
    text: str


class Unwanted(NamedTuple):
    """A word or phrase that is not used, and what is written in its place."""

    word: str
    instead: str
    only_in: str

    def use(self, text: str) -> str:
        """Where a text uses it, with the words around it, whatever its case; empty if it does not."""
        found = _pattern(self.word).search(text)
        return text[max(0, found.start() - 60) : found.end() + 60] if found else ""

    def applies(self, kind: str) -> bool:
        """Whether texts of this kind are held to it."""
        return self.only_in != ONLY_IN_MESSAGES or kind in MESSAGES


@cache
def _pattern(word: str) -> re.Pattern[str]:
    """The whole word; not the name of a stored item, as in `told:<key>`."""
    return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-]|:<)", re.IGNORECASE)


def texts(root: Path = ROOT) -> Iterator[Text]:
    """Every text under ``root``, by file and line."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            reader = READERS.get(path.suffix)
            if reader and not {"node_modules", "vendor"} & set(path.parts):
                yield from _placed(root, path, reader(path.read_text(encoding="utf-8")))
    for path in sorted((root / "infra").glob("template.yaml")):
        yield from _placed(root, path, of_template(path.read_text(encoding="utf-8")))
    for pattern in PROSE:
        for path in sorted(root.glob(pattern)):
            if path != root / VOCABULARY:
                yield from _placed(root, path, of_markdown(path.read_text(encoding="utf-8")))


Found = tuple[str, int, str]
"""Kind, line, text."""


def _placed(root: Path, path: Path, found: Iterable[Found]) -> Iterator[Text]:
    for kind, line, text in found:
        yield Text(kind, path.relative_to(root), line, " ".join(text.split()))


def of_python(source: str) -> Iterator[Found]:
    """The docstrings of a module, and its strings of several words; values put in are shown as `{}`."""
    tree = ast.parse(source)
    docstrings = dict(_docstrings(tree))
    for node in _outermost_strings(tree):
        text = _text(node)
        if id(node) in docstrings:
            yield docstrings[id(node)], node.lineno, text
        elif SEVERAL_WORDS.search(text):
            yield MESSAGE, node.lineno, text


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The strings that are statements of their own, by identity. Those of commands are their help."""
    for parent in ast.walk(tree):
        if isinstance(parent, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in parent.body:
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    yield id(node.value), HELP if _is_command(parent) else DOCSTRING


def _is_command(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and (
        node.name == "command" or any(".command" in ast.unparse(one) for one in node.decorator_list)
    )


def _outermost_strings(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Strings that are not part of another, and those inside the values of a formatted one."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node
        return
    if isinstance(node, ast.JoinedStr):
        yield node
        children: Iterable[ast.AST] = (
            one.value for one in node.values if isinstance(one, ast.FormattedValue)
        )
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _outermost_strings(child)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(one.value) if isinstance(one, ast.Constant) else HIDDEN for one in node.values)


def of_javascript(source: str) -> Iterator[Found]:
    """The strings of several words of a script, without its comments."""
    for found in JAVASCRIPT.finditer(source):
        text = re.sub(r"\$\{[^{}]*\}", HIDDEN, (found["text"] or "")[1:-1])
        if SEVERAL_WORDS.search(text):
            yield PAGE, _line(source, found.start()), text


def of_html(source: str) -> Iterator[Found]:
    """What a page shows: text, attributes that are read out, and strings in the expressions of a template."""
    for tag in JINJA.finditer(source):
        for text in QUOTED.findall(tag["tag"] or tag["value"] or ""):
            if SEVERAL_WORDS.search(text):
                yield PAGE, _line(source, tag.start()), text
    page = _Page()
    page.feed(JINJA.sub(lambda tag: (HIDDEN if tag["value"] else "") + "\n" * tag[0].count("\n"), source))
    page.close()
    yield from page.found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Found] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in {"script", "style"}
        for name, value in attrs:
            if name in SEEN_ATTRIBUTES:
                self._see(value or "")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - HTMLParser's signature
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._see(data)

    def _see(self, text: str) -> None:
        if re.search(r"[A-Za-z]", text):
            self.found.append((PAGE, self.getpos()[0], text))


def of_template(source: str) -> Iterator[Found]:
    """Descriptions, names of several words and the dashboard's titles, of a CloudFormation template."""
    for key, node in _scalars(yaml.compose(source, Loader=yaml.SafeLoader)):
        line = node.start_mark.line + 1
        if key in SEEN_KEYS and SEVERAL_WORDS.search(node.value):
            yield TEMPLATE, line, node.value
        for found in SEEN_IN_DASHBOARD.finditer(node.value):
            yield TEMPLATE, line + node.value.count("\n", 0, found.start()) + 1, found[1]


def _scalars(node: yaml.Node | None, key: str = "") -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Every scalar, with the key of the mapping that it is in."""
    if isinstance(node, yaml.ScalarNode):
        yield key, node
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _scalars(one, key)
    elif isinstance(node, yaml.MappingNode):
        for name, one in node.value:
            yield from _scalars(one, name.value)


def of_markdown(source: str) -> Iterator[Found]:
    """The paragraphs of a page."""
    for found in re.finditer(r"(?:[^\n]*\S[^\n]*\n?)+", source):
        yield DOCS, _line(source, found.start()), found[0]


def _line(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1


READERS = {".py": of_python, ".js": of_javascript, ".html": of_html}


def unwanted(root: Path = ROOT) -> tuple[Unwanted, ...]:
    """The words that are not used, as the table of the vocabulary has them.

    Raises:
        ValueError: the page has no such table.
    """
    page = (root / VOCABULARY).read_text(encoding="utf-8")
    section = page.partition("\n## Words we do not use\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    words = tuple(
        Unwanted(word, row[1], row[2])
        for row in rows
        if len(row) == 3
        for word in re.findall(r"`([^`]+)`", row[0])
    )
    if not words:
        raise ValueError(f'{VOCABULARY} has no table under "Words we do not use".')
    return words


def faults(found: Iterable[Text], words: tuple[Unwanted, ...]) -> list[str]:
    """Each text that uses an unwanted word: its place, the word, what to write, and the words around it."""
    return [
        f"{one.place}:{one.line}: `{word.word}`: write {word.instead}: {use}"
        for one in found
        for word in words
        if word.applies(one.kind) and (use := word.use(one.text))
    ]


def listing(found: Iterable[Text]) -> str:
    """Markdown: a heading a file, a line a text."""
    lines, place = ["# Every text that a person can see"], None
    for one in found:
        if one.place != place:
            place = one.place
            lines += ["", f"## {place}", ""]
        lines.append(f"- {one.line} ({one.kind}): {one.text}")
    return "\n".join(lines)


def main() -> None:
    """Print the listing, or what is wrong in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--kind", action="append", choices=KINDS, help="only texts of this kind; may be repeated"
    )
    parser.add_argument("--check", action="store_true", help="print only texts with words that are not used")
    arguments = parser.parse_args()
    kinds = arguments.kind or (KINDS if arguments.check else MESSAGES)
    found = [one for one in texts() if one.kind in kinds]
    if not arguments.check:
        print(listing(found))
        return
    wrong = faults(found, unwanted())
    print("\n".join([*wrong, f"{len(found):,} texts, {len(wrong):,} uses of words that we do not use."]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
