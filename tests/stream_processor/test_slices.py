"""Step 4: a slice is registered before anything is added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from metering.counters.ports import Increment, SliceId, Status
from metering.period import Period
from metering.usage import Usage
from stream_processor.slices import Registration

MONTH, DAY, NEXT_MONTH = Period("2026-11"), Period("2026-11-30"), Period("2026-12")


@dataclass
class Registry:
    """Notes what it is asked for, and answers as a test says."""

    status: dict[Period, Status] = field(default_factory=dict)
    requests: list[list[SliceId]] = field(default_factory=list)

    def register(self, slices: Sequence[SliceId]) -> list[Status]:
        self.requests.append(list(slices))
        return [self.status.get(one.month, Status.WRITTEN) for one in slices]


def increment(period: Period, number: int) -> Increment:
    return Increment("a1b2c3", period, number, f"shardId-{16 * number:012d}", 1, 1, Usage(1), {})


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_each_slice_once(registry: Registry) -> None:
    """A month and its days are one slice; in the life of a process it is registered once."""
    registration = Registration(registry)
    batch = [increment(MONTH, 2), increment(DAY, 2), increment(NEXT_MONTH, 2)]
    assert registration.register(batch)
    assert registration.register(batch)
    assert [[SliceId(MONTH, 2), SliceId(NEXT_MONTH, 2)]] == registry.requests


def test_slice_0(registry: Registry) -> None:
    """Every counter has it: nothing is written."""
    assert Registration(registry).register([increment(MONTH, 0)])
    assert [] == registry.requests


def test_no_answer(registry: Registry) -> None:
    """What is not known to be registered is not taken for it, and is registered next time, alone."""
    registration = Registration(registry)
    registry.status = {MONTH: Status.UNAVAILABLE}
    batch = [increment(MONTH, 1), increment(NEXT_MONTH, 1)]
    assert not registration.register(batch)
    assert registration.register([increment(NEXT_MONTH, 1)])
    registry.status = {}
    assert registration.register(batch)
    assert [SliceId(MONTH, 1)] == registry.requests[-1]
