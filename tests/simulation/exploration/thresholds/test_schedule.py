"""Thresholds under every schedule: each that is reached is published; broken watches are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.families import SHORT
from simulation.exploration.search import search
from simulation.exploration.stories import STORIES
from simulation.exploration.thresholds.families import REACHED, THRESHOLDS_SHOWN_BY
from simulation.exploration.thresholds.schedule import ThresholdEvent, ThresholdSchedules
from simulation.exploration.thresholds.tables import later
from simulation.exploration.thresholds.thresholds_world import ThresholdShard, ThresholdsWorld
from simulation.quotas.broken_watches import BROKEN_THRESHOLDS, SHIPPED_THRESHOLDS, ThresholdMeter
from stream_processor.thresholds import LimitWatch

_ONE = "nobody ever hears that shop has used 100 % of a limit of 1"
_TWO = "nobody ever hears that shop has used 100 % of a limit of 2"
_SHOWN = {
    "thresholds-refusals": (6, _ONE),
    "thresholds-one-slice": (8, _TWO),
    "thresholds-marked-first": (6, _ONE),
    "thresholds-not-repeated": (5, _ONE),
    "thresholds-not-kept": (5, _ONE),
    "thresholds-one-key": (10, "nobody ever hears that acme has used 100 % of a limit of 2"),
    "thresholds-claim-trusted": (13, _TWO),
}
"""The steps of each story, and its end."""


@pytest.mark.parametrize("meter", BROKEN_THRESHOLDS, ids=lambda meter: meter.name)
def test_shortest_story(meter: ThresholdMeter) -> None:
    """Every broken watch keeps a threshold silent within a few steps, each a line of its story."""
    steps, end = _SHOWN[meter.name]
    found = search(lambda: ThresholdSchedules(THRESHOLDS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert steps == found.depth == len(found.violation.way)
    text = STORIES[meter.name]()
    assert text is not None
    assert steps == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert f"So {end}." in text


def test_a_claim_is_no_promise() -> None:
    """An attempt that was given up claims a threshold and ends, when its batch has been counted long since:
    the other shard, which found the claim, still sees to it that the threshold is published.
    """
    found = search(
        lambda: ThresholdSchedules(THRESHOLDS_SHOWN_BY["thresholds-claim-trusted"], SHIPPED_THRESHOLDS)
    )
    assert found.is_complete
    assert found.violation is None


@pytest.mark.parametrize(
    "world",
    [
        ThresholdsWorld((ThresholdShard(0, ("s", "s")),), thresholds=(50, 100), faults=1),
        ThresholdsWorld((ThresholdShard(0, ("s", "f")),), is_shared=True, faults=1),
    ],
    ids=str,
)
def test_shipped(world: ThresholdsWorld) -> None:
    """In every schedule exactly what is reached is published in the end, whatever went wrong. Every kind of
    step is among them.
    """
    schedules = ThresholdSchedules(world, SHIPPED_THRESHOLDS)
    seen, waiting, ends = {schedules.start}, [schedules.start], set()
    events: set[ThresholdEvent] = set()
    while waiting:
        state = waiting.pop()
        assert schedules.violation(state) is None
        is_read = state.positions == (len(world.shards[0].records),)
        if is_read and not (any(state.attempts) or state.zombies or state.flying):
            ends.add(schedules.held(state))
        for step, after in schedules.steps(state):
            events.add(step.event)
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    calls = sum(len(record) for record in world.shards[0].records)
    assert ends
    for end in ends:
        assert calls == end.requests.total()
        published = dict(later(end, SHIPPED_THRESHOLDS).published)
        assert world.reached(end.requests).keys() == published.keys()
        assert len(world.thresholds) == len(published)
    assert set(ThresholdEvent) == events


class _Unclaimed(LimitWatch):
    """Publishes whatever it finds."""

    def _claim(self, reached: Sequence[Any], now: float, progress: Any) -> list[Any]:
        del now, progress
        return list(reached)


def test_once() -> None:
    """Where nothing goes wrong each is published once: a watch that claims nothing is seen."""
    world = ThresholdsWorld((ThresholdShard(0, ("s",)), ThresholdShard(1, ("s",))), amount=1)
    assert search(lambda: ThresholdSchedules(world, SHIPPED_THRESHOLDS)).violation is None
    meter = ThresholdMeter("unclaimed", "nothing is claimed", _Unclaimed)
    found = search(lambda: ThresholdSchedules(world, meter)).violation
    assert found is not None
    assert "published 2 times, though nothing failed" in found.promise


def test_short() -> None:
    """The family is small enough for CI."""
    assert {family.name for family in REACHED} <= set(SHORT)
