"""YAML that decides money or limits: nothing is changed on the way, and nothing grows."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metering.strict_document import Place
from metering.strict_yaml import MAX_DEPTH, UnreadableYaml, load_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
NAMES = st.text("abcyesnoff0123456789:._-~<> ", min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def fault(text: str) -> str:
    """The one thing that is wrong with a text."""
    [found] = load_yaml(text).faults
    return str(found)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.10", "0.10"),
        ("010000", "010000"),
        ("1:30", "1:30"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("True", "True"),
        ("2026-10-01", "2026-10-01"),
        ('"7"', "7"),
        ("'true'", "true"),
        ("7", 7),
        ("-7", -7),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_a_value_stays_as_it_was_written(written: str, value: object) -> None:
    """Decimal integers, truths and nothing are what they say; all else is text, for its field to read."""
    document = load_yaml(f"a: {written}")
    assert ({"a": value}, ()) == (document.value, document.faults)
    assert type(value) is type(document.value["a"])  # type: ignore[index]  # it is a mapping


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "line 2, column 11: 'c' is there already, in line 2; keep one of them"),
        ("a: {x: 1}\na: {x: 2}", "line 2, column 1: 'a' is there already, in line 1; keep one of them"),
        ("- 1\n- &b 2", "line 2, column 3: the anchor &b is not taken; write the value out where it is used"),
        ("a: *b", "line 1, column 4: the alias *b is not taken; write the value out"),
        ("*b : 1", "line 1, column 1: the alias *b is not taken; write the value out"),
        ("<<: {a: 1}", "line 1, column 1: << is not taken; write the fields out"),
        (
            "a: !!int 7",
            (
                "line 1, column 4: the tag tag:yaml.org,2002:int is not taken; a value is read as its field "
                "needs it"
            ),
        ),
        ("a: 1\n7: 2", 'line 2, column 1: 7 must be a text; write it in quotes: "7"'),
        ("true: 1", 'line 1, column 1: true must be a text; write it in quotes: "true"'),
        (
            "a: " + "9" * 200_000,
            "line 1, column 4: a number of 200,000 digits; no field takes more than 40",
        ),
    ],
)
def test_refuses(text: str, expected: str) -> None:
    """What YAML would change, merge, build or let grow is named with line and column."""
    assert expected == fault(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "line 2, column 1: no YAML: did not find expected node content"),
        ("a: b: c", "line 1, column 5: no YAML: mapping values are not allowed in this context"),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document begins; keep one in a file"),
        ("{a: b}: c", "line 1, column 1: a list or a mapping cannot be a key; a key is a text"),
        ("[" * 50_000, "line 1, column 21: nested deeper than 20 levels, which no field needs"),
        ("a: \x01", "no YAML: unacceptable character #x0001"),
    ],
)
def test_is_no_yaml(text: str, expected: str) -> None:
    """What cannot be read ends at once, with its place."""
    with pytest.raises(UnreadableYaml) as refused:
        load_yaml(text)
    assert refused.value.fault.startswith(expected)


def test_a_bomb_does_not_go_off() -> None:
    """Aliases that stand for 2^60 values are refused one by one, and none is followed."""
    document = load_yaml(BOMB)
    assert 60 + 2 * 59 == len(document.faults)
    assert {"a0": ["x", "x"], "a1": [None, None]} == dict(list(document.value.items())[:2])  # type: ignore[attr-defined]  # it is a mapping


def test_no_character_is_read_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 100,000 keys is read by libyaml, which takes a twentieth of the time."""
    monkeypatch.delattr(yaml.scanner.Scanner, "fetch_more_tokens")
    assert {"keys": {"k1": "free"}} == load_yaml("keys: {k1: free}").value


def test_as_deep_as_a_file_may_be() -> None:
    """The deepest nesting that is taken."""
    assert load_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).faults == ()


def test_places() -> None:
    """Each value and each key is found again, and what is absent where it should be."""
    document = load_yaml("a: 1\nb:\n  - {c: é, d: 2}\n")
    assert Place(3, 15) == document.place(("b", 0, "d"))
    assert Place(3, 12) == document.keys["b", 0, "d"]
    assert Place(3, 5) == document.place(("b", 0, "not there"))
    assert Place(1, 1) == document.place(("not there",))


@given(VALUES)
def test_reads_what_was_written(value: Any) -> None:
    """Whatever a writer of YAML writes of texts, integers, truths and nothing is read as it was."""
    document = load_yaml(yaml.safe_dump(value, allow_unicode=True))
    assert (value, ()) == (document.value, document.faults)
