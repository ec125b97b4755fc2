"""Counters that disagree."""

from __future__ import annotations

import pytest

from metering.counters.counter import Counter
from metering.period import Period
from metering.usage import Usage
from reconciliation.model.contradictions import Contradiction, contradictions

MONTH, FIFTH, SIXTH = Period("2026-10"), Period("2026-10-05"), Period("2026-10-06")


def counter(period: Period, requests: int, key: str = "a", **parts: int) -> Counter:
    """A counter with its requests by part."""
    return Counter(key, period, Usage(requests), {name[1:]: count for name, count in parts.items()})


GOOD = [
    counter(MONTH, 5, d05=2, d06=3),
    counter(FIFTH, 2, h00=1, h23=1),
    counter(SIXTH, 3, h07=3),
    counter(MONTH, 1, "b", d05=1),
    counter(FIFTH, 1, "b", h07=1),
]


def test_what_fits() -> None:
    """Month and days of each key, part by part; one key says nothing about another."""
    assert [] == list(contradictions(GOOD))
    assert [] == list(contradictions([]))


@pytest.mark.parametrize(
    ("index", "changed", "expected"),
    [
        (0, counter(MONTH, 6, d05=2, d06=3), [Contradiction("a", MONTH, "", 5, 6)]),
        (
            0,
            counter(MONTH, 5, d05=3, d06=2),
            [Contradiction("a", MONTH, "05", 3, 2), Contradiction("a", MONTH, "06", 2, 3)],
        ),
        (
            0,
            counter(MONTH, 5, d05=2, d06=2, d07=1),
            [Contradiction("a", MONTH, "06", 2, 3), Contradiction("a", MONTH, "07", 1, 0)],
        ),
        (1, counter(FIFTH, 2, h00=1), [Contradiction("a", FIFTH, "", 1, 2)]),
        (
            1,
            counter(FIFTH, 3, h00=1, h23=1),
            [Contradiction("a", FIFTH, "", 2, 3), Contradiction("a", MONTH, "05", 2, 3)],
        ),
        (2, None, [Contradiction("a", MONTH, "06", 3, 0)]),
        (0, None, []),
    ],
)
def test_what_does_not(index: int, changed: Counter | None, expected: list[Contradiction]) -> None:
    """Every part that is off is named. Where a whole month is missing, the lake says so."""
    counters = [*GOOD[:index], *([] if changed is None else [changed]), *GOOD[index + 1 :]]
    assert expected == list(contradictions(counters))
