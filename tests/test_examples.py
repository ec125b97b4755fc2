"""How many examples property tests draw."""

import pytest
from hypothesis import settings

from tests.examples import PROFILE, QUICK, examples, sampled


def test_a_quarter() -> None:
    """A quick run draws a quarter, and at least one; every other run draws all."""
    assert [100, 400, 25, 100, 1] == [
        examples(100, "full"),
        examples(400, ""),
        examples(100, QUICK),
        examples(400, QUICK),
        examples(3, QUICK),
    ]


def test_default() -> None:
    """Tests that say nothing draw hypothesis's hundred, or the quarter of it."""
    assert examples(100, PROFILE) == settings().max_examples


def test_sampled() -> None:
    """Everybody runs the first ones; the others, all there are, have the mark that `make test` leaves out."""
    others = [pytest.param(value, marks=pytest.mark.exhaustive) for value in "cd"]
    assert ["a", "b", *others] == sampled("abcd", 2)
    assert ["a"] == sampled("a", 2)
