"""A counter brought to another figure, as a value."""

from __future__ import annotations

from metering.counters.counter import Counter
from metering.period import Period
from metering.proof.correction import NOT_HELD, Correction, Held, HeldSlice, correction, same
from metering.usage import NO_USAGE, Usage

DAY = Period("2026-10-05")


def counter(requests: int, **parts: int) -> Counter:
    """A counter of a day."""
    return Counter("a", DAY, Usage(requests), {name[1:]: count for name, count in parts.items()})


def test_what_is_added() -> None:
    """The differences of totals and parts, where there are any."""
    one = Correction(counter(3, h07=2, h08=1), counter(4, h07=2, h09=2))
    assert (Usage(1), {"08": -1, "09": 2}) == (one.usage, one.parts)
    assert ("a", DAY) == (one.key, one.period)


def test_same() -> None:
    """A part without requests is none; parts count, not totals alone."""
    assert same(counter(2, h07=2, h08=0), counter(2, h07=2))
    assert not same(counter(2, h07=2), counter(2, h08=2))
    assert not same(counter(2, h07=2), counter(3, h07=2))


def test_correction() -> None:
    """There is one where the two differ."""
    assert [] == list(correction(counter(1), counter(1)))
    assert [Correction(counter(1), counter(2))] == list(correction(counter(1), counter(2)))


def test_held() -> None:
    """Slices add up, and each knows its own shards."""
    held = Held(
        (HeldSlice(0, counter(1, h07=1), {"w0": b"1"}), HeldSlice(1, counter(2, h07=2), {"w16": b"2"}))
    )
    assert counter(3, h07=3) == held.counter("a", DAY)
    assert {"w0": b"1", "w16": b"2"} == held.watermarks
    assert Counter("a", DAY, NO_USAGE) == NOT_HELD.counter("a", DAY)
