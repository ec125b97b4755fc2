"""JSON documents of which no list is in memory as a whole."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.results.json_stream import StreamedList, json_parts

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["\n", "{\n", "\x7f\u202e"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=5)


def streamed(document: dict[str, Any]) -> dict[str, object]:
    """The same document, its lists being made when they are written."""
    return {name: _streamed(value) for name, value in document.items()}


def _streamed(value: object) -> object:
    return StreamedList(lambda: iter(value)) if isinstance(value, list) else value


@given(DOCUMENTS, st.sampled_from([None, 0, 2, 3]))
def test_the_text_is_that_of_the_whole_document(document: dict[str, Any], indent: int | None) -> None:
    """Of every document, with empty lists and texts that look like JSON; written twice, it is the same."""
    lazy = streamed(document)
    assert json.dumps(document, indent=indent) == "".join(json_parts(lazy, indent))
    assert json.dumps(document, indent=indent) == "".join(json_parts(lazy, indent))


@pytest.mark.parametrize("document", [[1, {"a": []}], "text", {}, {"a": {"b": [1]}}, None])
def test_a_document_without_such_lists(document: object) -> None:
    """Is written as it is."""
    assert json.dumps(document, indent=2) == "".join(json_parts(document, 2))


class Item(dict[str, int]):
    """An item of which can be seen whether anybody holds it."""


@pytest.mark.parametrize("indent", [None, 2])
def test_items_are_not_held(indent: int | None) -> None:
    """Of a list of any length, two items exist at once: the one that is written, and the one before."""
    alive: list[weakref.ref[Item]] = []
    most = 0

    def items() -> Iterator[Item]:
        nonlocal most
        for number in range(50):
            item = Item(number=number)
            alive.append(weakref.ref(item))
            alive[:] = [one for one in alive if one() is not None]
            most = max(most, len(alive))
            yield item

    texts = sum(len(part) > 0 for part in json_parts({"items": StreamedList(items)}, indent))
    assert (True, True) == (texts > 50, most <= 2)


def test_a_list_further_inside_is_refused() -> None:
    """It would be held as a whole; nobody should believe that it is not."""
    with pytest.raises(TypeError, match="StreamedList is not JSON serializable"):
        list(json_parts({"first": StreamedList(list), "inner": {"list": StreamedList(list)}}))
