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
from simulation.soak.metrics import MetricStore
from simulation.soak.report import drawn, heading, row, verdict
from simulation.soak.result import MinuteResult, SoakResult, alarm_problems
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


RINGS = [
    minute(
        number,
        [
            name
            for one in script.SCRIPT
            for name in one.rings
            if one.last <= number <= one.until.get(name, one.last)
        ],
    )
    for number in range(script.END)
]
GOOD = SoakResult(
    minutes=RINGS,
    real_minutes=20,
    events=100 * script.END,
    wrong_counters=(),
    months=1,
    months_compared=1,
    lake_differences=0,
    memory_by_comparison=[250 * MB] * 20,
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
        (replace(GOOD, events=1), "1 events were sent, 2,300 counted"),
        (replace(GOOD, wrong_counters=("key-1 2026-10: sent 3, counted 4",)), "key-1 2026-10"),
        (replace(GOOD, given_up=1), "1 records were given up"),
        (replace(GOOD, months_compared=0), "0 of 1 months could be compared"),
        (replace(GOOD, lake_differences=2), "differ in 2 places"),
        (replace(GOOD, minutes=[replace(RINGS[0], drift=3), *RINGS[1:]]), "in minute 0 .* wrong by 3"),
        (replace(GOOD, minutes=[*map(minute, range(script.END))]), "HeartbeatMissingAlarm did not ring"),
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


def test_memory() -> None:
    """Memory that grows with the calls by more than they are kept for is a leak; one jump is none."""

    def grown(bytes_of_a_call: int, jump: int = 0) -> SoakResult:
        minutes = [
            replace(one, memory_bytes=250 * MB + bytes_of_a_call * one.calls * 100 + jump * (one.minute > 1))
            for one in RINGS
        ]
        return replace(GOOD, minutes=[replace(one, calls=one.calls * 100) for one in minutes])

    assert [] == grown(500, jump=30 * MB).problems
    (problem,) = grown(4_500).problems
    assert "memory grew by 472.1 MB over the second half" in problem


def test_memory_of_comparisons() -> None:
    """A process that goes up and down from comparison to comparison is flat; one that keeps something of each
    is not.
    """
    waves = [250 * MB + 6 * MB * (number % 3) for number in range(20)]
    kept = [memory + MB * number for number, memory in enumerate(waves)]
    assert [] == replace(GOOD, memory_by_comparison=waves).problems
    (problem,) = replace(GOOD, memory_by_comparison=kept).problems
    assert re.fullmatch(
        r"memory grew by 1\.\d\d MB with each comparison, 0\.50 at most are expected", problem
    )


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
