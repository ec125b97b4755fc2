"""What happens in which minute of a soak, and which alarms each disturbance must ring.

The script has twenty minutes, whatever a soak's real length: its time is scaled, so that alarms see the
periods that they are made for. It is played three times in one process: what the process takes once, it does
not take in the last round; what it keeps of each call or comparison, it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from simulation.soak.faults import ATHENA, DYNAMODB, EVENTBRIDGE, FaultMode
from simulation.soak.traffic import TrafficKind

MINUTES: Final = 20
SETTLING: Final = 3
"""Further minutes without traffic, in which what is left is counted."""
ROUND: Final = MINUTES + SETTLING
ROUNDS: Final = 3
BETWEEN_ROUNDS: Final = timedelta(days=62)
"""By which the calendar goes on: so that the months of a round are its own, and its comparisons have as much
to read as those of the round before.
"""


@dataclass(frozen=True, slots=True)
class ScriptedDisturbance:
    """Something that happens from the beginning of a minute to the end of one."""

    name: str
    first: int
    last: int
    rings: frozenset[str] = frozenset()
    """Alarms that it must ring."""
    once: frozenset[str] = frozenset()
    """Of these alarms, those that it rings in the first round alone: they look back over more than a round,
    and a success within it keeps them quiet.
    """
    until: dict[str, int | None] = field(default_factory=dict)
    """By alarm, the last minute in which it may be raised, where that is not the end of the disturbance and
    then as long as the alarm looks back. None: until the soak ends.
    """
    faults: tuple[tuple[str, FaultMode], ...] = ()
    """Services, and how they behave."""
    traffic: TrafficKind = TrafficKind.STEADY
    stops_consumer: bool = False

    def is_in(self, minute: int) -> bool:
        """Whether it lasts in a minute."""
        return self.first <= minute <= self.last


def _fault(
    service: str, mode: FaultMode, first: int, last: int, *rings: str, **until: int | None
) -> ScriptedDisturbance:
    name = {DYNAMODB: "DynamoDB", EVENTBRIDGE: "EventBridge", ATHENA: "Athena"}[service]
    return ScriptedDisturbance(
        f"{name} {mode}", first, last, frozenset(rings), until=until, faults=((service, mode),)
    )


SCRIPT: Final = (
    # The first comparison and its two retries are refused; the second hangs until it gives up.
    replace(
        _fault(
            ATHENA,
            FaultMode.REFUSING,
            1,
            4,
            "ReconciliationFailingAlarm",
            "UndeliveredEventsAlarm",
            ReconciliationFailingAlarm=14,
            UndeliveredEventsAlarm=20,
        ),
        once=frozenset({"ReconciliationFailingAlarm"}),
    ),
    _fault(ATHENA, FaultMode.HANGING, 5, 10),
    _fault(ATHENA, FaultMode.SLOW, 11, 19),
    _fault(EVENTBRIDGE, FaultMode.SLOW, 1, 1),
    _fault(EVENTBRIDGE, FaultMode.HANGING, 2, 2, "ThresholdsWaitingAlarm"),
    # For a minute after it has taken nothing, EventBridge is left alone.
    _fault(EVENTBRIDGE, FaultMode.REFUSING, 3, 3, "ThresholdsWaitingAlarm", ThresholdsWaitingAlarm=10),
    ScriptedDisturbance(
        "hostile traffic",
        1,
        5,
        frozenset(
            {
                "ErrorObjectsAlarm",
                "MalformedLinesAlarm",
                "SuspectLinesAlarm",
                "UndecodableDeliveriesAlarm",
            }
        ),
        until={"ErrorObjectsAlarm": None},  # what cannot be decoded stays under the error prefix
        traffic=TrafficKind.HOSTILE,
    ),
    _fault(DYNAMODB, FaultMode.SLOW, 5, 5),
    _fault(DYNAMODB, FaultMode.HANGING, 6, 8, "BatchesCutShortAlarm", "CountersLateAlarm"),
    _fault(
        DYNAMODB,
        FaultMode.REFUSING,
        10,
        12,
        "BatchesCutShortAlarm",
        "CountersLateAlarm",
        "CountersThrottledAlarm",
        "LedgerThrottledAlarm",
    ),
    ScriptedDisturbance("burst", 13, 13, traffic=TrafficKind.BURSTY),
    ScriptedDisturbance(
        "consumer stopped", 14, 19, frozenset({"HeartbeatMissingAlarm"}), stops_consumer=True
    ),
)

SHARDS: Final = {2: 3, 15: 5, 21: 3, 22: 2}
"""By minute, the number of open shards from then on: at its end, a round has as many as at its beginning."""
COMPARISONS: Final = (1, 5)
"""Minutes in which the schedule invokes the reconciliation."""
RESENT: Final = 14
"""The minute in which somebody sends the undelivered events again, as the runbook says."""
INSPECTION_MINUTES: Final = 10
SOURCE_MINUTES: Final = 5
"""Between two inspections of the watch, and two looks at the source: the template's schedules."""


def in_minute(minute: int) -> list[ScriptedDisturbance]:
    """What lasts in a minute of a round."""
    return [one for one in SCRIPT if one.is_in(minute)]


def played(rounds: int) -> Iterator[ScriptedDisturbance]:
    """The disturbances of all rounds, by the minutes of the soak."""
    for number in range(rounds):
        shift = number * ROUND
        for one in SCRIPT:
            until: dict[str, int | None] = {
                name: rounds * ROUND if last is None else last + shift for name, last in one.until.items()
            }
            rings = one.rings - one.once if number else one.rings
            yield replace(one, first=one.first + shift, last=one.last + shift, rings=rings, until=until)
