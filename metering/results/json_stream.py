"""JSON documents with lists that are never in memory as a whole.

The text is what `json.dumps` writes of the same document with whole lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True, slots=True)
class StreamedList:
    """A list that is a field of a document. Its items are made one by one, whenever it is written."""

    items: Callable[[], Iterable[object]]


def json_parts(document: object, indent: int | None = None) -> Iterator[str]:
    """The text of a document, part by part: on one line, or indented by so many spaces."""
    form = _Form(indent)
    if isinstance(document, Mapping) and any(isinstance(one, StreamedList) for one in document.values()):
        fields = (chain([f"{json.dumps(name)}: "], form.value(value)) for name, value in document.items())
        yield from form.enclosed("{}", fields, 0)
    else:
        yield form.text(document, 0)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a text is laid out."""

    indent: int | None

    def value(self, value: object) -> Iterator[str]:
        """A field's value."""
        if isinstance(value, StreamedList):
            return self.enclosed("[]", ([self.text(item, 2)] for item in value.items()), 1)
        return iter([self.text(value, 1)])

    def enclosed(self, brackets: str, members: Iterable[Iterable[str]], depth: int) -> Iterator[str]:
        """Members, separated and in brackets."""
        before = brackets[0] + self.new_line(depth + 1)
        following = ", " if self.indent is None else "," + self.new_line(depth + 1)
        is_empty = True
        for member in members:
            yield before
            yield from member
            before, is_empty = following, False
        yield brackets if is_empty else self.new_line(depth) + brackets[1]

    def text(self, value: object, depth: int) -> str:
        """A whole value, whose first line is begun. JSON has no line ends but those between its values."""
        return json.dumps(value, indent=self.indent).replace("\n", self.new_line(depth))

    def new_line(self, depth: int) -> str:
        """Where a line begins; nothing, if there is only one."""
        return "" if self.indent is None else "\n" + " " * self.indent * depth
