"""How many different keys a batch holds."""

from __future__ import annotations

import random

import pytest

from metering.cost.key_spread import distinct_keys


def drawn(calls: int, keys: int, tail: float, rounds: int = 40) -> float:
    """The mean of what batches of random calls hold."""
    generator = random.Random(1)
    weights = [rank**-tail for rank in range(1, keys + 1)]
    found = [len(set(generator.choices(range(keys), weights, k=calls))) for _ in range(rounds)]
    return sum(found) / rounds


class TestDistinctKeys:
    @pytest.mark.parametrize(
        ("calls", "keys", "tail"),
        [(50, 40, 1.1), (5_000, 1_000, 1.1), (2_000, 20_000, 1.1), (500, 500, 0.0), (3_000, 5_000, 2.0)],
    )
    def test_as_drawn(self, calls: int, keys: int, tail: float) -> None:
        """The formula says what batches of random calls hold, to 3 %."""
        assert distinct_keys(calls, keys, tail) == pytest.approx(drawn(calls, keys, tail), rel=0.03)

    def test_no_more_than_keys_or_calls(self) -> None:
        """Never more than there are keys, nor than there are calls."""
        assert distinct_keys(10**9, 100, 1.1) == pytest.approx(100)
        assert distinct_keys(0.5, 100, 1.1) < 0.5
        assert 0 == distinct_keys(0, 100, 1.1)

    def test_grouped_ranks(self) -> None:
        """Far down the ranks keys are grouped: against one by one, that is right to a few in ten thousand."""
        keys, calls = 50_000, 40_000
        weights = [rank**-1.1 for rank in range(1, keys + 1)]
        whole = sum(weights)
        exactly = sum(1 - (1 - weight / whole) ** calls for weight in weights)
        assert distinct_keys(calls, keys, 1.1) == pytest.approx(exactly, rel=5e-4)
