"""Event hashes and fingerprints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.event_id import HASH_BITS, event_hash, fingerprint

TOP_BIT = 1 << 63
ANY_TEXT = st.text(st.characters())
EVENT_IDS = st.text(min_size=1)


@pytest.mark.parametrize(
    ("event_id", "xxh64"),
    [("", 0xEF46DB3751D8E999), ("a", 0xD24EC4F1A98C6E5B), ("abc", 0x44BC2CF5AD770999)],
)
def test_event_hash_is_the_lower_63_bits_of_xxh64(event_id: str, xxh64: int) -> None:
    """The published values of XXH64 with seed 0: those of Athena's xxhash64."""
    assert xxh64 & ~TOP_BIT == event_hash(event_id)


@given(ANY_TEXT)
def test_event_hash_has_63_bits(event_id: str) -> None:
    """Whatever the id: never negative, and within a signed 64-bit integer."""
    assert 0 <= event_hash(event_id) < 2**HASH_BITS


def test_a_lone_surrogate_is_hashed_as_a_question_mark() -> None:
    """UTF-8 cannot hold one."""
    assert event_hash("a?") == event_hash("a\ud800")


def test_fingerprint_of_nothing() -> None:
    """No calls: zero."""
    assert 0 == fingerprint([])


@given(st.lists(EVENT_IDS, unique=True).flatmap(lambda ids: st.tuples(st.just(ids), st.permutations(ids))))
def test_fingerprint_hangs_on_no_order(ids: tuple[list[str], list[str]]) -> None:
    """Any order of the same calls has the same fingerprint."""
    one, another = ids
    assert fingerprint(map(event_hash, one)) == fingerprint(map(event_hash, another))


@given(st.lists(EVENT_IDS, min_size=2, unique=True), st.data())
def test_fingerprint_changes_when_any_call_is_swapped(ids: list[str], data: st.DataObject) -> None:
    """One id replaced by one that is not in the set, wherever it stands: the count stays, this does not."""
    *calls, stranger = ids
    place = data.draw(st.integers(0, len(calls) - 1))
    swapped = [*calls[:place], stranger, *calls[place + 1 :]]
    assert len(calls) == len(swapped)
    assert fingerprint(map(event_hash, calls)) != fingerprint(map(event_hash, swapped))


@given(st.sets(EVENT_IDS), st.sets(EVENT_IDS))
def test_fingerprints_of_disjoint_sets_add_up(one: set[str], another: set[str]) -> None:
    """So that batches and slices may be cut anywhere."""
    rest = another - one
    parts = fingerprint(map(event_hash, one)) + fingerprint(map(event_hash, rest))
    assert parts == fingerprint(map(event_hash, one | rest))


def test_fingerprint_fits_38_digits() -> None:
    """2^63 calls with the highest hash: within a DynamoDB Number and Athena's decimal(38,0)."""
    assert 2**63 * (2**HASH_BITS - 1) < 2**126 < 10**38
