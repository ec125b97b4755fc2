"""When a soak holds, and when it does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from local_cloud.template.document import Stack
from simulation.soak import script
from simulation.soak.alarms import Alarms, length_in_minutes
from simulation.soak.memory import StoredData
from simulation.soak.metrics import MetricStore
from simulation.soak.report import drawn, heading, row, verdict
from simulation.soak.result import MinuteResult, RoundResult, SoakResult, alarm_problems
from simulation.soak.script import ScriptedDisturbance

MB = 2**20
LENGTHS = {
    name: length_in_minutes(alarm)
    for name, alarm in Alarms(Stack({"Monitoring": "full"}), MetricStore(lambda: 0)).definitions.items()
}
OUTAGE = ScriptedDisturbance("outage", 3, 4, frozenset({"LateAlarm"}))


def minute(number: int, alarms: Sequence[str] = ()) -> MinuteResult:
    """A minute in which all is well."""
    return MinuteResult(
        minute=number,
        calls=100 * (number + 1),
        counted=100 * (number + 1),
        lag_seconds=1.0,
        memory_bytes=250 * MB,
        cost_usd=0.001,
        drift=0,
        alarms=tuple(alarms),
        disturbances=(),
        faults={},
    )


CALLS_OF_A_ROUND = 8_000
COMPARISONS = 20


def round_end(number: int, megabytes: float, wave: float = 0) -> RoundResult:
    """A round's end: memory that goes up and down, and what is stored with every round."""
    memory = [round((megabytes + wave * (one % 3 - 1)) * MB) for one in range(COMPARISONS)]
    stored = StoredData(
        objects=60 * number,
        object_bytes=3 * MB * number,
        items=130 * number,
        records=190,
        log_events=CALLS_OF_A_ROUND * number,
    )
    return RoundResult(memory, stored)


RINGS = [
    minute(
        number,
        [
            name
            for one in script.played(script.ROUNDS)
            for name in one.rings
            if one.last <= number <= (one.until.get(name) or one.last)
        ],
    )
    for number in range(script.ROUNDS * script.ROUND)
]
GOOD = SoakResult(
    minutes=RINGS,
    rounds=[round_end(number, 380) for number in range(1, script.ROUNDS + 1)],
    real_minutes=20,
    events=100 * script.ROUNDS * script.ROUND,
    wrong_counters=(),
    months=1,
    months_compared=1,
    lake_differences=0,
    failures={},
    given_up=0,
    lengths=LENGTHS,
)


def test_good() -> None:
    """Nothing is wrong with a soak in which each alarm rings at the end of what must ring it."""
    assert [] == GOOD.problems
    assert "each counted once" in verdict(GOOD)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (replace(GOOD, events=1), "1 events were sent, 6,900 counted"),
        (replace(GOOD, wrong_counters=("key-1 2026-10: sent 3, counted 4",)), "key-1 2026-10"),
        (replace(GOOD, given_up=1), "1 records were given up"),
        (replace(GOOD, months_compared=0), "0 of 1 months could be compared"),
        (replace(GOOD, lake_differences=2), "differ in 2 places"),
        (replace(GOOD, minutes=[replace(RINGS[0], drift=3), *RINGS[1:]]), "in minute 0 .* wrong by 3"),
        (
            replace(GOOD, minutes=[*map(minute, range(script.ROUNDS * script.ROUND))]),
            "HeartbeatMissingAlarm did not ring",
        ),
        (
            replace(GOOD, minutes=[replace(RINGS[0], alarms=("DriftAlarm",)), *RINGS[1:]]),
            "DriftAlarm rang without a reason, in the minutes 0",
        ),
    ],
)
def test_problems(changed: SoakResult, problem: str) -> None:
    """Each promise that is not kept is named, and nothing else."""
    found = changed.problems
    assert any(re.search(problem, text) for text in found), found
    assert "Problems:" in verdict(changed)


class TestMemory:
    """The last round is compared with the one before: what a process takes once is in both."""

    @staticmethod
    def after(*megabytes: float, wave: float = 0) -> SoakResult:
        """A soak with so much memory after each round."""
        return replace(GOOD, rounds=[round_end(number, one, wave) for number, one in enumerate(megabytes, 1)])

    def test_warm_up(self) -> None:
        """It may be large, and memory may go up and down, and grow by what the local cloud stores."""
        result = self.after(400, 900, 912, wave=6)
        assert [] == result.problems
        assert 912 * MB == result.rounds[-1].memory_bytes
        stored = 60 * 5_000 + 130 * 5_000 + 8_000 * 100
        assert (12 * MB, stored, 16 * MB + stored) == (
            result.memory_growth,
            result.stored_growth,
            result.memory_bound,
        )

    @pytest.mark.parametrize(
        ("kept", "problem"),
        [
            (0, None),
            (1.9 * 2**10 * CALLS_OF_A_ROUND, None),
            (
                4.5 * 2**10 * CALLS_OF_A_ROUND,
                "memory grew by 35.2 MB from one round to the next, 17.7 at most",
            ),
            (1.2 * MB * COMPARISONS, "memory grew by 24.0 MB"),
        ],
    )
    def test_leak(self, kept: float, problem: str | None) -> None:
        """A leak is in the last round as it was in those before: 4.5 KB of each call, or 1.2 MB of each
        comparison. The verdict says how large a leak can be that is not seen.
        """
        result = self.after(*(400 + number * kept / MB for number in (1, 2, 3)))
        assert ([problem] if problem else []) == [
            one[: len(problem)] for one in result.problems if problem is not None
        ]
        assert "Too much would be 2,097 bytes of each call, or 819 KB of each comparison" in verdict(result)


class TestAlarms:
    """An alarm rings for what must ring it, while it looks back to it, and not else."""

    @pytest.mark.parametrize("minutes", [[3], [4, 5, 6], [9]])
    def test_in_time(self, minutes: list[int]) -> None:
        """From the disturbance on, until the alarm's window has passed it."""
        assert [] == list(alarm_problems({"LateAlarm": minutes}, {"LateAlarm": 5}, [OUTAGE]))

    @pytest.mark.parametrize("minutes", [[2], [10]])
    def test_out_of_time(self, minutes: list[int]) -> None:
        """Before it, or longer than that."""
        missing, stray = alarm_problems({"LateAlarm": minutes}, {"LateAlarm": 5}, [OUTAGE])
        assert "LateAlarm did not ring for: outage, minutes 3 to 4" == missing
        assert f"LateAlarm rang without a reason, in the minutes {minutes[0]}" == stray

    def test_each_round(self) -> None:
        """Each round rings again, but for what looks back to the success of the one before; and an alarm may
        be raised until the soak ends.
        """
        rounds = list(script.played(2))
        hostile, again = (one for one in rounds if one.name == "hostile traffic")
        refused, late = (one for one in rounds if one.name == "Athena refusing")
        assert (1, 5, 24, 28) == (hostile.first, hostile.last, again.first, again.last)
        assert (46, 46) == (hostile.until["ErrorObjectsAlarm"], again.until["ErrorObjectsAlarm"])
        assert {"ReconciliationFailingAlarm"} == refused.rings - late.rings
        silent = [replace(one, alarms=()) if one.minute >= script.ROUND else one for one in RINGS]
        (problem, *_) = replace(GOOD, minutes=silent).problems
        assert "UndeliveredEventsAlarm did not ring for: Athena refusing, minutes 24 to 27" == problem

    def test_exist(self) -> None:
        """The script speaks of alarms that the template has."""
        assert {name for one in script.SCRIPT for name in one.rings} < set(LENGTHS)
        assert {name for one in script.SCRIPT for name in one.until} < set(LENGTHS)


def test_report() -> None:
    """The table has a line a minute under its head, and the picture a curve for each figure."""
    line = row(replace(RINGS[6], drift=7, disturbances=("DynamoDB hanging",)))
    assert line.split("  ")[-1].startswith("DynamoDB hanging; ")
    assert heading().index("drift") + len("drift") == line.index("7  ") + 1
    root = ET.fromstring(drawn(GOOD))
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Memory of the process, in MB", "minute"} < texts
    assert 5 == len(list(root.iter("{http://www.w3.org/2000/svg}path"))) - 5 * 6
