"""A schedule of settings that change, and of days that pass, as a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from metering.counters.ledger_layout import LayoutHistory
from simulation.exploration.changes.layout_runs import LayoutMoment, LayoutRequest
from simulation.exploration.changes.settings_schedule import (
    SettingsEvent,
    SettingsSchedules,
    SettingsState,
    SettingsStep,
)
from simulation.exploration.changes.settings_world import CALLED, now_ms
from simulation.exploration.changes.tables import held
from simulation.exploration.search import Violation
from simulation.exploration.small_world import letter
from simulation.protocol.world_of_changes import ChangingMeter

_HOUR_MS: Final = 3_600_000


def settings_story(meter: ChangingMeter, violation: Violation[SettingsStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, SettingsSchedules):
        raise TypeError(f"{schedules} has no settings that change")
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _sentence(schedules, before, step, after),
    )


def _sentence(
    schedules: SettingsSchedules, before: SettingsState, step: SettingsStep, after: SettingsState
) -> str:
    who = f"Process {'ABC'[step.place]}"
    texts: dict[SettingsEvent, Callable[[], str]] = {
        SettingsEvent.HANDED: lambda: f"{who} gets {_record(schedules, before, step)}.",
        SettingsEvent.ANSWERED: lambda: f"{who} {_asked(schedules, before, step, after)}.",
        SettingsEvent.UNANSWERED: lambda: f"{who} gets no answer from the table.",
        SettingsEvent.COUNTED: lambda: f"{who} {_counted(schedules, before, step, after)}.",
        SettingsEvent.LEFT: lambda: f"{who} cannot count without the layouts; Lambda will repeat the batch.",
        SettingsEvent.ENDED: lambda: f"{who} is ended; one with the settings of today takes its place.",
        SettingsEvent.READ_AGAIN: lambda: f"Shard {step.shard} is read again from its start.",
        SettingsEvent.CHANGED: lambda: "The settings are changed: slots of the ledger are of 2 hours.",
        SettingsEvent.DAY_PASSED: lambda: f"A day passes: it is day {after.day}.",
        SettingsEvent.EXPIRED: lambda: _expired(schedules, before, step),
    }
    return texts[step.event]()


def _record(schedules: SettingsSchedules, state: SettingsState, step: SettingsStep) -> str:
    event = schedules.world.shards[step.shard][state.positions[step.shard]].event
    return f"{letter(event)} of shard {step.shard}"


def _asked(
    schedules: SettingsSchedules, before: SettingsState, step: SettingsStep, after: SettingsState
) -> str:
    moment: LayoutMoment = schedules.processes.moments[before.processes[step.place]]
    found = _history(schedules.processes.histories[after.history])
    if moment.request is LayoutRequest.BEGIN:
        return f"reads the layouts: {found}"
    result = "written" if before.history != after.history else "refused"
    return f"adds the layout of its settings: {result}; the table has {found}"


def _history(history: LayoutHistory) -> str:
    first, *others = (
        f"slots of {layout.slot_ms // _HOUR_MS} h"
        + (
            ""
            if not since
            else f" from {(since - now_ms(0)) / 24 / _HOUR_MS:.1f} days after noon of day 0 on"
        )
        for since, layout in history.entries
    )
    return ", ".join([first, *others])


def _counted(
    schedules: SettingsSchedules, before: SettingsState, step: SettingsStep, after: SettingsState
) -> str:
    moment: LayoutMoment = schedules.processes.moments[before.processes[step.place]]
    history: LayoutHistory = schedules.processes.histories[moment.history]
    event = schedules.world.shards[step.shard][before.positions[step.shard]].event
    slot_ms = history.at(schedules.world.time_ms(event)).layout.slot_ms
    found = held(schedules.store(after.tables).counted(), CALLED, len(schedules.world.ages))
    record = _record(schedules, before, step)
    return f"claims {record} in a slot of {slot_ms // _HOUR_MS} h, and counts: the counters hold {found}"


def _expired(schedules: SettingsSchedules, before: SettingsState, step: SettingsStep) -> str:
    page = schedules.tables[before.tables].ledger[step.place]
    claims = " and ".join(one.shard_id.rpartition("-")[2].lstrip("0") or "0" for one in page.claims)
    return f"DynamoDB removes the page of the ledger with the claims of shard {claims}: it has expired."
