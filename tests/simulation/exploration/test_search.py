"""The search sees every state once, and finds the shortest way to what a broken meter does wrong."""

from __future__ import annotations

import pytest

from simulation.exploration.broken import BROKEN_SMALL, MOST_STEPS, NEVER_DRAWN, SHOWN_BY
from simulation.exploration.schedule import Happening, Schedules
from simulation.exploration.search import explore
from simulation.exploration.small_world import SmallShard, SmallWorld
from simulation.exploration.story import story
from simulation.protocol.meter import SHIPPED, Meter
from simulation.protocol.world import World

_PAIR = (SmallShard(0, ((0,),)), SmallShard(1, ((0,),)))
_PAIR_AND_MORE = (SmallShard(0, ((0,), (1,))), SmallShard(1, ((0,),)))


@pytest.mark.parametrize(
    "meter",
    [
        pytest.param(meter, marks=pytest.mark.exhaustive) if meter.name == "pruned" else meter
        for meter in BROKEN_SMALL
    ],
    ids=lambda meter: meter.name,
)
def test_shortest_story(meter: Meter) -> None:
    """Every broken meter breaks its promise within a few steps of a world that is made for it."""
    world = SHOWN_BY[meter.name]
    found = explore(world, meter, deepest=MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert 0 < len(found.violation.way) <= MOST_STEPS
    assert found.depth == len(found.violation.way)
    text = story(meter, found.violation)
    assert len(found.violation.way) == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert found.violation.promise in text


@pytest.mark.parametrize(
    "world", dict.fromkeys(world for world in SHOWN_BY.values() if world.faults < 2), ids=str
)
def test_shipped_meter(world: SmallWorld) -> None:
    """The shipped meter keeps its promises in every schedule of those worlds. Larger ones are explored by
    `make explore`.
    """
    found = explore(world, SHIPPED, is_folded=True)
    assert found.is_complete
    assert found.violation is None


@pytest.mark.parametrize(("shards", "faults"), [(_PAIR, 1), (_PAIR_AND_MORE, 0)])
def test_folded(shards: tuple[SmallShard, ...], faults: int) -> None:
    """Orders that cannot matter are left out: fewer states, the same ends."""
    world = SmallWorld(shards, faults=faults)
    assert _ends(world, is_folded=True) == _ends(world, is_folded=False)
    assert explore(world, SHIPPED, is_folded=True).states < explore(world, SHIPPED).states


def _ends(world: SmallWorld, *, is_folded: bool) -> set[str]:
    """What the store holds where nothing more can happen, in words: numbers differ from search to search."""
    schedules = Schedules(world, SHIPPED, is_folded=is_folded)
    frontier, seen, ends = [schedules.start], {schedules.start}, set()
    while frontier:
        state = frontier.pop()
        following = {after for _, after in schedules.steps(state)}
        if not following:
            places = range(1, len(schedules.items.places))
            held = {
                str(schedules.items.places[place]): str(schedules.items.states[state.items[place]])
                for place in places
                if state.items[place]
            }
            ends.add(str(sorted(held.items())))
        frontier += following - seen
        seen |= following
    return ends


def test_bounds() -> None:
    """A search that is bounded says that it is not complete."""
    world = SmallWorld(_PAIR, faults=2)
    found = explore(world, SHIPPED, deepest=3)
    assert (3, False) == (found.depth, found.is_complete)


def test_without_faults() -> None:
    """One record, no fault: one schedule but for the order of the two counters."""
    schedules = Schedules(SmallWorld((SmallShard(0, ((0,),)),), faults=0), SHIPPED)
    found = explore(schedules.world, SHIPPED)
    assert (8, 6) == (found.states, found.depth)
    happenings = [step.event for step, _ in schedules.steps(schedules.start)]
    assert [Happening.BATCH_BEGUN] == happenings


@pytest.mark.parametrize("meter", NEVER_DRAWN, ids=lambda meter: meter.name)
def test_never_drawn(meter: Meter) -> None:
    """What the exploration shows in a few steps, seeds do not show at all."""
    assert not any(World(seed, meter).run().differences for seed in range(1, 6))
