"""Repairs, restores and closings under every schedule: what is right stays right; broken ones are seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.changes.tables import held
from simulation.exploration.month_end.families import BROKEN_SMALL_MONTHS, MONTH_END, MONTHS_SHOWN_BY
from simulation.exploration.month_end.moment import OperatorRequest
from simulation.exploration.month_end.schedule import MonthEndSchedules
from simulation.exploration.month_end.small_month import (
    CALLED,
    SETTLED,
    MonthEndEvent,
    SmallMonth,
    Work,
)
from simulation.exploration.month_end.story import month_story
from simulation.exploration.search import search
from simulation.month_end.meter import SHIPPED_MONTH_END, MonthEndMeter

_MANY_STATES = ("claims-presumed", "marks-forgotten", "marks-too-early", "restore-unnoticed")
_QUICK = ("in-flight", "lake-believed", "sealed-unproven", "calls-alone")
_ARCHIVES = (
    *("late-call-overwritten", "archived-as-called", "look-up-reads-once", "rebuild-reads-once"),
    "mark-beside-the-table",
)


@pytest.mark.parametrize(
    "meter",
    [
        pytest.param(meter, id=meter.name, marks=[pytest.mark.exhaustive] * (meter.name in _MANY_STATES))
        for meter in BROKEN_SMALL_MONTHS
    ],
)
def test_shortest_story(meter: MonthEndMeter) -> None:
    """Every broken month end breaks a promise within a few steps, each a line of its story."""
    found = search(lambda: MonthEndSchedules(MONTHS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert found.depth == len(found.violation.way) <= MOST_STEPS
    text = month_story(meter, found.violation)
    assert found.depth == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert found.violation.promise in text


@pytest.mark.parametrize(
    "world", [MONTHS_SHOWN_BY[name] for name in (*_QUICK, *_ARCHIVES)], ids=(*_QUICK, *_ARCHIVES)
)
def test_shipped(world: SmallMonth) -> None:
    """The shipped month end keeps its promises in every schedule of those worlds."""
    found = search(lambda: MonthEndSchedules(world, SHIPPED_MONTH_END))
    assert found.is_complete
    assert found.violation is None


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "world", [*MONTH_END[0].worlds, MONTH_END[-1].worlds[0]], ids=lambda world: str(world)[:60]
)
def test_a_repair(world: SmallMonth) -> None:
    """A repair takes away nothing that was counted while it ran: a batch that was half in when it was
    compared, a call that comes between comparison and repair, and is not in the lake yet.
    """
    found = search(lambda: MonthEndSchedules(world, SHIPPED_MONTH_END))
    assert found.is_complete
    assert found.violation is None


def test_archives_are_reached() -> None:
    """Archivers, restores and look-ups of the worlds in which nothing is broken do their work to the end."""
    schedules = MonthEndSchedules(MONTHS_SHOWN_BY["restore-forgotten"], SHIPPED_MONTH_END)
    assert search(lambda: schedules).violation is None
    ends = set(schedules.operators.ends.values())
    assert {"sealed", "1 counters archived", "1 counters restored", "the day has 1 calls"} <= ends
    assert any("is not archived: the counters of its days are in the table" in end for end in ends)


def test_restored_tables() -> None:
    """A table goes back to moments before the month was archived, and to others at which it was."""
    work = (Work.CLOSE, Work.ARCHIVE, Work.RESTORE)
    schedules = MonthEndSchedules(
        replace(MONTHS_SHOWN_BY["mark-beside-the-table"], work=work), SHIPPED_MONTH_END
    )

    def is_out(number: int) -> bool:
        mark = schedules.operators.marks[number]
        return mark is not None and mark.moved > 0

    waiting, seen, found = [schedules.start], {schedules.start}, set[tuple[bool, bool]]()
    while waiting:
        state = waiting.pop()
        for step, following in schedules.steps(state):
            if step.event is MonthEndEvent.RESTORED:
                found.add((is_out(state.mark), is_out(following.mark)))
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    assert {(True, False), (False, True), (False, False), (True, True)} == found


@pytest.mark.parametrize(
    ("writes", "takes"),
    [(2, "1 counters corrected, 0 left alone"), (0, "2 counters corrected, 0 left alone")],
    ids=["half in", "not in"],
)
def test_work(writes: int, takes: str) -> None:
    """A repair by itself, of a call that was given up, is in the lake, and in none or one of its counters."""
    came = (*SETTLED, MonthEndEvent.PUT, MonthEndEvent.DELIVERED)
    world = SmallMonth(((0,),), (Work.REPAIR,), before=came, faults=1, kinds=(MonthEndEvent.GIVEN_UP,))
    schedules = MonthEndSchedules(world, SHIPPED_MONTH_END)
    (state,) = (
        after
        for step, after in schedules.steps(schedules.start)
        if step.event is MonthEndEvent.GIVEN_UP and step.about == writes
    )
    requests, number = [], 0
    while following := list(schedules.steps(state)):
        step, state = following[-1]
        if step.event is MonthEndEvent.WORKED:
            number = step.about
            requests.append(schedules.operators.moments[number].request)
    assert takes == schedules.operators.ends[number]
    assert OperatorRequest.CORRECT in requests
    assert "a" == held(schedules.store(state.tables).counted(), CALLED, 1)
