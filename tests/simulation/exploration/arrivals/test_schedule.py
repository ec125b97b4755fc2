"""What log groups bring, under every schedule: read exactly at any moment; broken writes are seen."""

from __future__ import annotations

from collections import Counter

import pytest

from simulation.exploration.arrivals.arrivals_world import ArrivalsWorld
from simulation.exploration.arrivals.families import ARRIVALS_SHOWN_BY
from simulation.exploration.arrivals.schedule import ArrivalEvent, ArrivalSchedules
from simulation.exploration.arrivals.story import arrivals_story
from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.search import search
from simulation.protocol.world_of_arrivals import BROKEN_ARRIVALS, SHIPPED_ARRIVALS, ArrivalMeter

_READ = {
    "arrivals-by-attempt": "reads 2 log events of group A through record 2, and those records brought 1",
    "arrivals-unanswered": "reads 0 log events of group A through record 2, and those records brought 1",
}


@pytest.mark.parametrize("meter", BROKEN_ARRIVALS, ids=lambda meter: meter.name)
def test_shortest_story(meter: ArrivalMeter) -> None:
    """Every broken write misleads the watch within a few steps, each a line of its story."""
    found = search(lambda: ArrivalSchedules(ARRIVALS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert 5 == found.depth == len(found.violation.way)
    text = arrivals_story(meter, found.violation)
    assert found.depth == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert f"So the watch {_READ[meter.name]}." in text


@pytest.mark.parametrize(
    "world",
    [
        ArrivalsWorld(("A", "AA"), faults=3),
        ArrivalsWorld(("A", "B", "A"), faults=1),
        ArrivalsWorld(("A", "", "A"), faults=1),
    ],
    ids=str,
)
def test_shipped(world: ArrivalsWorld) -> None:
    """In every schedule each reading by the watch is exact. When Lambda is done with all records and nothing
    is under way, all that they brought is there, whatever went wrong. Every kind of step is among them.
    """
    schedules = ArrivalSchedules(world, SHIPPED_ARRIVALS)
    seen, waiting, ends = {schedules.start}, [schedules.start], []
    events: set[ArrivalEvent] = set()
    while waiting:
        state = waiting.pop()
        assert schedules.violation(state) is None
        if state.position == len(world.records) and not (state.attempt or state.zombies or state.flying):
            ends.append(Counter(dict(schedules.item(state).events)))
        for step, after in schedules.steps(state):
            events.add(step.event)
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    assert ends
    assert all(end == world.brought(len(world.records)) for end in ends)
    assert set(ArrivalEvent) == events
