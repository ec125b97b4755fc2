"""`complete_through` under every schedule: never too late, never back; and each broken watch is seen."""

from __future__ import annotations

import pytest

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.completeness.broken import BROKEN_SMALL_WATCHES, WATCHES_SHOWN_BY
from simulation.exploration.completeness.families import WATCHED
from simulation.exploration.completeness.schedule import WatchEvent, WatchSchedules
from simulation.exploration.completeness.story import watch_story
from simulation.exploration.completeness.watch_world import WatchedWorld
from simulation.exploration.search import search
from simulation.protocol.meter import SHIPPED, Meter


@pytest.mark.parametrize("meter", BROKEN_SMALL_WATCHES, ids=lambda meter: meter.name)
def test_shortest_story(meter: Meter) -> None:
    """Every broken watch says too much, or less than before, within a few steps, each a line of its story."""
    found = search(lambda: WatchSchedules(WATCHES_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert found.depth == len(found.violation.way) <= MOST_STEPS
    text = watch_story(meter, found.violation)
    assert found.depth == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert found.violation.promise in text


@pytest.mark.parametrize("world", WATCHED[0].worlds, ids=str)
def test_shipped(world: WatchedWorld) -> None:
    """The shipped watch keeps its promises in every schedule of those worlds, faults and all."""
    found = search(lambda: WatchSchedules(world, SHIPPED))
    assert found.is_complete
    assert found.violation is None


def test_one_run() -> None:
    """A run without anything beside it: it reads, lists, puts a heartbeat and saves; then that is counted."""
    schedules = WatchSchedules(WatchedWorld(((),), runs=1), SHIPPED)
    state, events = schedules.start, []
    while following := list(schedules.steps(state)):
        step, state = following[-1]
        events.append(step.event)
    assert [WatchEvent.BEGUN, *[WatchEvent.ANSWERED] * 4, WatchEvent.COUNTED] == events
    assert {"0": 1} == schedules.knowledge[state.known].cuts[0].marks


def test_two_runs() -> None:
    """`complete_through` advances: what came before the first of two runs is counted when both are passed."""
    schedules = WatchSchedules(WatchedWorld(((0,),), runs=1, had_run=True), SHIPPED)
    state = schedules.start
    while following := list(schedules.steps(state)):
        _, state = following[0]
    assert 1000 == state.highest
