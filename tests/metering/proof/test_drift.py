"""Counters and lake compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import Period
from metering.proof.drift import Difference, Entry, Nature, Place, beyond_unknown_sizes, differences
from metering.usage import NO_USAGE, TOTALS, Usage

OCTOBER = Period("2026-10")
NOVEMBER = Period("2026-11")

SOME = Usage(
    requests=3, billable=2, errors=1, response_bytes=300, request_bytes=30, latency_ms=90, fingerprint=1000
)
ONE_MORE = SOME + Usage(requests=1, billable=1, fingerprint=7)

PLACES = st.tuples(
    st.sampled_from(["-", "!malformed", "a", "b", "ä", "\U0001f511"]), st.sampled_from([OCTOBER, NOVEMBER])
)
USAGES = st.builds(Usage, **dict.fromkeys(TOTALS, st.integers(0, 2)))
SIDES = st.dictionaries(PLACES, USAGES)


def compare(counted: dict[Place, Usage], in_lake: dict[Place, Usage]) -> list[Difference]:
    """The differences of two sides that are held in no order."""
    return list(differences(sorted(counted.items()), sorted(in_lake.items())))


def test_equal_sides() -> None:
    """No drift."""
    side = {("a", OCTOBER): SOME, ("b", OCTOBER): ONE_MORE}
    assert [] == compare(side, dict(reversed(side.items())))


@pytest.mark.parametrize("name", TOTALS)
def test_each_total_is_compared(name: str) -> None:
    """One that is off by one is a difference, whichever it is."""
    off = SOME + Usage(**{name: 1})
    assert [Difference("a", OCTOBER, off, SOME)] == compare({("a", OCTOBER): off}, {("a", OCTOBER): SOME})


@pytest.mark.parametrize("name", ["unknown_response_sizes", "unknown_request_sizes"])
def test_counters_of_an_earlier_version(name: str) -> None:
    """They do not know which calls have no size: that is no difference, nor a part of one. Calls of unknown
    size that only a counter has are one.
    """
    more = SOME + Usage(**{name: 3})
    assert [] == compare({("a", OCTOBER): SOME}, {("a", OCTOBER): more})
    (other,) = compare({("a", OCTOBER): more}, {("a", OCTOBER): SOME})
    assert Nature.OTHER_TOTALS == other.nature
    (missing,) = compare({("a", OCTOBER): SOME}, {("a", OCTOBER): ONE_MORE + Usage(**{name: 3})})
    assert Nature.MISSING_IN_COUNTERS == missing.nature


def test_what_one_side_lacks_has_no_usage_there() -> None:
    """On either side, in the order of key and period."""
    counted = {("b", NOVEMBER): SOME, ("a", NOVEMBER): SOME}
    in_lake = {("b", OCTOBER): ONE_MORE, ("a", NOVEMBER): SOME}
    expected = [Difference("b", OCTOBER, NO_USAGE, ONE_MORE), Difference("b", NOVEMBER, SOME, NO_USAGE)]
    assert expected == compare(counted, in_lake)


def test_a_counter_without_usage_is_as_good_as_none() -> None:
    """Nothing was counted either way."""
    assert [] == compare({("a", OCTOBER): NO_USAGE}, {})


@pytest.mark.parametrize(
    ("counted", "in_lake", "nature"),
    [
        (SOME, ONE_MORE, Nature.MISSING_IN_COUNTERS),
        (NO_USAGE, SOME, Nature.MISSING_IN_COUNTERS),
        (ONE_MORE, SOME, Nature.MISSING_IN_LAKE),
        (SOME, NO_USAGE, Nature.MISSING_IN_LAKE),
        (SOME, SOME + Usage(fingerprint=1), Nature.OTHER_CALLS),
        (SOME, SOME + Usage(response_bytes=1), Nature.OTHER_TOTALS),
        (SOME, SOME + Usage(requests=1), Nature.OTHER_TOTALS),
    ],
)
def test_nature(counted: Usage, in_lake: Usage, nature: Nature) -> None:
    """Fewer calls, more calls, others, or the same with other totals."""
    assert nature == Difference("a", OCTOBER, counted, in_lake).nature


def test_surplus() -> None:
    """What was counted and does not lie in the lake."""
    assert Usage(requests=1, billable=1, fingerprint=7) == Difference("a", OCTOBER, ONE_MORE, SOME).surplus
    assert -1 == Difference("a", OCTOBER, SOME, ONE_MORE).surplus.requests


@given(SIDES, SIDES)
def test_compare_finds_every_difference_and_no_other(
    counted: dict[Place, Usage], in_lake: dict[Place, Usage]
) -> None:
    """As looking up every place on both sides does."""
    expected = [
        Difference(*place, counted.get(place, NO_USAGE), in_lake.get(place, NO_USAGE))
        for place in sorted(counted.keys() | in_lake.keys())
        if beyond_unknown_sizes(counted.get(place, NO_USAGE) - in_lake.get(place, NO_USAGE)) != NO_USAGE
    ]
    assert expected == compare(counted, in_lake)


def test_sides_are_read_as_they_are_needed() -> None:
    """Of each, one entry beyond what was handed out: sides may be larger than memory."""
    read: list[str] = []

    def side(name: str, usage: Usage) -> Iterator[Entry]:
        for number in range(1000):
            read.append(f"{name}{number}")
            yield (f"{number:04d}", OCTOBER), usage

    found = differences(side("counted", SOME), side("in lake", ONE_MORE))
    assert ["0000", "0001", "0002"] == [next(found).key for _ in range(3)]
    assert len(read) <= 2 * (3 + 1)


@pytest.mark.parametrize("second", [("a", NOVEMBER), ("a", OCTOBER), ("B", OCTOBER)])
def test_a_side_out_of_order_is_refused(second: Place) -> None:
    """Its entries would be taken for missing."""
    entries = [(("a", NOVEMBER), SOME), (second, SOME)]
    with pytest.raises(ValueError, match="both sides must be in order, each place once"):
        list(differences(entries, []))
    with pytest.raises(ValueError, match="both sides must be in order, each place once"):
        list(differences([], entries))


def test_keys_sort_by_code_point() -> None:
    """As UTF-8 does: so a side that Athena sorted is in order."""
    keys = ["!malformed", "-", "Z", "a", "ä", "\uffff", "\U0001f511"]
    assert sorted(keys, key=str.encode) == sorted(keys)
    assert [] == list(
        differences([((key, OCTOBER), SOME) for key in keys], [((key, OCTOBER), SOME) for key in keys])
    )
