"""A stream that is made again, under every schedule: counted once, or refused; broken guards are seen."""

from __future__ import annotations

import pytest

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.changes.families import STREAMS_SHOWN_BY
from simulation.exploration.changes.stream_schedule import StreamEvent, StreamSchedules
from simulation.exploration.changes.stream_story import stream_story
from simulation.exploration.changes.stream_world import StreamsWorld
from simulation.exploration.search import search
from simulation.protocol.world_of_streams import BROKEN_STREAMS, SHIPPED_STREAM, StreamMeter


@pytest.mark.parametrize("meter", BROKEN_STREAMS, ids=lambda meter: meter.name)
def test_shortest_story(meter: StreamMeter) -> None:
    """Every broken guard loses a call within a few steps, each a line of its story."""
    found = search(lambda: StreamSchedules(STREAMS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert found.depth == len(found.violation.way) <= MOST_STEPS
    text = stream_story(meter, found.violation)
    assert found.depth == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert "So Lambda is done with b, which is missing in shop 2026-10." in text


@pytest.mark.parametrize(
    "world", [StreamsWorld(faults=2), StreamsWorld(shards=2), StreamsWorld(streams=3)], ids=str
)
def test_shipped(world: StreamsWorld) -> None:
    """The shipped guard keeps the promise in every schedule of those worlds, faults and all."""
    found = search(lambda: StreamSchedules(world, SHIPPED_STREAM))
    assert found.is_complete
    assert found.violation is None


def test_lower_numbers() -> None:
    """Without faults a batch of lower numbers is refused for ever, and one of higher numbers is counted."""
    schedules = StreamSchedules(StreamsWorld(processes=1), SHIPPED_STREAM)
    seen, waiting, ends = {schedules.start}, [schedules.start], []
    events: set[tuple[bool, StreamEvent]] = set()
    while waiting:
        state = waiting.pop()
        following = dict(schedules.steps(state))
        events |= {(after.first < schedules.start.first, step.event) for step, after in following.items()}
        ends += [state] * (not following)
        waiting += [one for one in following.values() if one not in seen]
        seen |= set(following.values())
    assert (True, StreamEvent.LEFT) in events
    assert (False, StreamEvent.LEFT) not in events
    assert {(1100, 0b11), (1100, 0b10), (900, 0b10)} == {(end.first, end.done) for end in ends}
