"""JSON read no further than it must be."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from metering.line_format.json_text import fields_of, is_absent, occurrences, plain, read_object, text_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=5)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6), st.sampled_from(["", " ", "\r\n\t"]))
def test_each_field_as_it_was_written(pairs: list[tuple[str, object]], space: str) -> None:
    """In their order, and as often as they come; of one that comes twice, the last is the object's."""
    written = [(name, json.dumps(value)) for name, value in pairs]
    inside = ",".join(f"{space}{json.dumps(name)}{space}:{space}{value}{space}" for name, value in written)
    text = f"{space}{{{inside}}}{space}"
    assert [(name, value.encode()) for name, value in written] == list(occurrences(text))
    assert {name: value.encode() for name, value in written} == read_object(text)


def test_what_is_absent() -> None:
    """Left out, null, empty, or a dash."""
    assert all(map(is_absent, (None, b"null", b'""', b'"-"')))
    assert not any(map(is_absent, (b"0", b'"null"', b"[]")))


def test_texts() -> None:
    """A text as it is; what is none, as its JSON."""
    assert ["a", "1e999", "[1, 2]", "true", None] == [
        text_of(value) for value in (b'"a"', b"1e999", b"[1, 2]", b"true", b'"-"')
    ]


def test_plain() -> None:
    """A text without escapes that it does not need."""
    assert [b'"-"', b'"a\\"b"', b"17"] == [plain(value) for value in (rb'"\u002d"', rb'"a\"\u0062"', b"17")]


def test_fields_of_what_is_no_object() -> None:
    """There are none."""
    assert [{}, {}, {"a": b"1"}] == [fields_of(value) for value in (b'"text"', b"[1]", b'{"a":1}')]
