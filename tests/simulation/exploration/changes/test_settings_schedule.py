"""Layouts that change and lines that are old, under every schedule; each broken variant is seen."""

from __future__ import annotations

import pytest

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.changes.families import CHANGED, SETTINGS_SHOWN_BY
from simulation.exploration.changes.settings_schedule import SettingsSchedules
from simulation.exploration.changes.settings_story import settings_story
from simulation.exploration.changes.settings_world import LAYOUTS, DatedRecord, SettingsWorld
from simulation.exploration.search import search
from simulation.protocol.world_of_changes import BROKEN_CHANGING, SHIPPED_CHANGING, ChangingMeter

_SMALL = [
    *SETTINGS_SHOWN_BY.values(),
    *(
        world
        for family in CHANGED
        for world in family.worlds
        if isinstance(world, SettingsWorld) and not world.faults and world.last_day == 3
    ),
]


@pytest.mark.parametrize("meter", BROKEN_CHANGING, ids=lambda meter: meter.name)
def test_shortest_story(meter: ChangingMeter) -> None:
    """Every broken variant counts a call twice within a few steps, each a line of its story."""
    found = search(lambda: SettingsSchedules(SETTINGS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert found.depth == len(found.violation.way) <= MOST_STEPS
    text = settings_story(meter, found.violation)
    assert found.depth == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert "So a is counted 2 times in shop 2026-10." in text


@pytest.mark.parametrize("world", _SMALL, ids=str)
def test_shipped(world: SettingsWorld) -> None:
    """The shipped ledger and its layouts keep the promise in every schedule of those worlds."""
    found = search(lambda: SettingsSchedules(world, SHIPPED_CHANGING))
    assert found.is_complete
    assert found.violation is None


def test_both_layouts() -> None:
    """Claims are made by both layouts: the exploration goes to where the change holds."""
    world = SettingsWorld(((DatedRecord(0), DatedRecord(1, 3)),), (0, -1), 3, is_changed=True, processes=1)
    schedules = SettingsSchedules(world, SHIPPED_CHANGING)
    seen, waiting = {schedules.start}, [schedules.start]
    while waiting:
        state = waiting.pop()
        following = {after for _, after in schedules.steps(state)} - seen
        waiting += following
        seen |= following
    slots = {page.page.slot for one in seen for page in schedules.tables[one.tables].ledger}
    assert {world.time_ms(1) // layout.slot_ms for layout in LAYOUTS} <= slots
