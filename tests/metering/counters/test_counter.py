"""Counters and their slices."""

from __future__ import annotations

import pytest

from metering.counters.counter import Counter, summed
from metering.period import Period
from metering.usage import Usage

OCTOBER, FIFTH = Period("2026-10"), Period("2026-10-05")


def test_slices_add_up() -> None:
    """The totals and the requests of every part; neither slice changes."""
    first, second = (
        Counter("a", OCTOBER, Usage(3), {"05": 1, "06": 2}),
        Counter("a", OCTOBER, Usage(4), {"06": 4}),
    )
    assert Counter("a", OCTOBER, Usage(7), {"05": 1, "06": 6}) == first + second
    assert ({"05": 1, "06": 2}, {"06": 4}) == (first.parts, second.parts)


@pytest.mark.parametrize("other", [Counter("b", OCTOBER, Usage()), Counter("a", FIFTH, Usage())])
def test_other_counters(other: Counter) -> None:
    """Their sum would be the usage of nothing."""
    with pytest.raises(ValueError, match="are two counters"):
        Counter("a", OCTOBER, Usage()) + other


def test_summed() -> None:
    """In the order in which they come, each place once."""
    slices = [
        Counter("a", OCTOBER, Usage(1)),
        Counter("a", OCTOBER, Usage(2)),
        Counter("a", FIFTH, Usage(4)),
        Counter("b", OCTOBER, Usage(8)),
        Counter("b", OCTOBER, Usage(16)),
        Counter("b", OCTOBER, Usage(32)),
    ]
    assert [3, 4, 56] == [counter.usage.requests for counter in summed(slices)]
    assert [] == list(summed([]))
