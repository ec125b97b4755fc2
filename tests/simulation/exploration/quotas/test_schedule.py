"""Reserved limits under every schedule: never exceeded, nothing lost; and each broken variant is seen."""

from __future__ import annotations

import pytest

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.quotas.authorizer import SHIPPED_QUOTAS, QuotaMeter
from simulation.exploration.quotas.broken import BROKEN_QUOTAS, QUOTAS_SHOWN_BY
from simulation.exploration.quotas.moment import QuotaEvent
from simulation.exploration.quotas.quota_world import NOON, SETTLED, LimitedWorld
from simulation.exploration.quotas.schedule import QuotaSchedules
from simulation.exploration.quotas.story import quota_story
from simulation.exploration.search import search

_MANY_STATES = ("spent-while-closing", "expired-spent", "any-period")
"""Variants whose worlds have thousands of states, for they need leases that are kept."""


@pytest.mark.parametrize(
    "meter",
    [
        pytest.param(meter, id=meter.name, marks=[pytest.mark.exhaustive] * (meter.name in _MANY_STATES))
        for meter in BROKEN_QUOTAS
    ],
)
def test_shortest_story(meter: QuotaMeter) -> None:
    """Every broken variant breaks a promise within a few steps, of which each is a line of its story."""
    found = search(lambda: QuotaSchedules(QUOTAS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    assert found.violation is not None, f"nobody saw that {meter.breaks}"
    assert found.depth == len(found.violation.way) <= MOST_STEPS
    text = quota_story(meter, found.violation)
    assert found.depth == sum(line[:3].strip().isdigit() for line in text.splitlines())
    assert found.violation.promise in text


@pytest.mark.parametrize(
    "world",
    dict.fromkeys(
        world for name, world in QUOTAS_SHOWN_BY.items() if name not in (*_MANY_STATES, "closed-again")
    ),
    ids=str,
)
def test_shipped(world: LimitedWorld) -> None:
    """The shipped authorizer keeps its promises in every schedule of those worlds."""
    found = search(lambda: QuotaSchedules(world, SHIPPED_QUOTAS, is_folded=True))
    assert found.is_complete
    assert found.violation is None


def test_folded() -> None:
    """Two authorizers that are alike are one: fewer states, as deep."""
    world = LimitedWorld(amount=1, calls=2, times=(NOON, SETTLED), faults=0)
    folded = search(lambda: QuotaSchedules(world, SHIPPED_QUOTAS, is_folded=True))
    whole = search(lambda: QuotaSchedules(world, SHIPPED_QUOTAS))
    assert folded.states < whole.states
    assert folded.depth == whole.depth


def test_without_faults() -> None:
    """One call: no lease record is found, it is begun, the call is allowed, its line is counted."""
    schedules = QuotaSchedules(LimitedWorld(amount=1, calls=1, times=(NOON,), faults=0), SHIPPED_QUOTAS)
    state, events = schedules.start, []
    while following := list(schedules.steps(state)):
        step, state = following[0]
        events.append(step.event)
    assert [QuotaEvent.CALLED, QuotaEvent.ANSWERED, QuotaEvent.ANSWERED, QuotaEvent.LINE_COUNTED] == events
    assert (1, 0) == state.counted


def test_story() -> None:
    """A story says who did what, and what the lease record held."""
    (meter,) = (one for one in BROKEN_QUOTAS if one.name == "no-room")
    found = search(lambda: QuotaSchedules(QUOTAS_SHOWN_BY["no-room"], meter))
    assert found.violation is not None
    shown = quota_story(meter, found.violation)
    assert "  4. A call of k1 reaches authorizer A." in shown
    assert (
        "  5. Authorizer A closes lease-0 (1 spent) and takes lease-1 of a call: written; "
        "the record of k1 has granted 2, leases: lease-1; the call is allowed."
    ) in shown
    assert "     So 2 calls were allowed under a limit of 1." in shown
