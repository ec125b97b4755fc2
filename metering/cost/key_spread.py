"""How many different keys a batch holds. DynamoDB is paid for these, and not for its calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import exp
from typing import Final

_EXACT_RANKS: Final = 1000
_GROWTH: Final = 1.02


@lru_cache(maxsize=4096)  # sizes are searched for, and each step comes back to the same batches
def distinct_keys(calls: float, keys: int, tail: float) -> float:
    """The expected number of different keys among `calls` calls; the key of rank r has a weight of r^-tail.

    Calls of a key come independently of one another, so that a key of share p is in the batch with a
    probability of 1 - e^(-calls p).
    """
    return sum(count * (1 - exp(-calls * share)) for count, share in _shares(keys, tail))


@lru_cache(maxsize=8)
def _shares(keys: int, tail: float) -> tuple[tuple[int, float], ...]:
    """Groups of keys, and the share that each key of a group has: far down, neighbours differ little."""
    groups = [(end - start, ((start + end - 1) / 2) ** -tail) for start, end in _ranks(keys)]
    whole = sum(count * weight for count, weight in groups)
    return tuple((count, weight / whole) for count, weight in groups)


def _ranks(keys: int) -> Iterator[tuple[int, int]]:
    """Ranges of ranks: one by one, then wider and wider."""
    start = 1
    while start <= keys:
        width = 1 if start <= _EXACT_RANKS else int(start * (_GROWTH - 1))
        end = min(start + width, keys + 1)
        yield start, end
        start = end
