"""The hours of a set of calls as one number."""

from __future__ import annotations

from itertools import combinations_with_replacement

from metering.proof.hours import WEIGHTS, hours_of


def test_it_adds_up() -> None:
    """By the number of calls in each hour."""
    assert 0 == hours_of({})
    assert 1 + 3 * 24**11 == hours_of({"00": 1, "23": 3})


def test_calls_in_other_hours_are_seen() -> None:
    """No two sets of five calls have the same hours, whatever hours they lie in: so up to five that moved
    never cancel out.
    """
    sums = [sum(weights) for weights in combinations_with_replacement(WEIGHTS, 5)]
    assert len(sums) == len(set(sums))
