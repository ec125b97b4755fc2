"""Real processes on a real engine, a bounded version: `make chaos` is the long one."""

from __future__ import annotations

import json
import random

import pytest

from local_cloud.playback.traffic import generate
from metering.period import is_month
from metering.usage import Usage
from simulation.processes.crash_test import deliveries, differences, expected, run


@pytest.mark.exhaustive
def test_killed(dynamodb_local: str) -> None:
    """Processes are killed between any two writes and run twice at once, and every counter is right."""
    result = run(calls=6_000, kills=4, seed=random.Random(6).randrange(1000), dynamodb=dynamodb_local)
    assert [] == result.differences
    assert result.kills > 0
    assert result.duplicate_deliveries > 0
    assert result.counters > 300


class TestOracle:
    def test_sees_all(self) -> None:
        """It reckons with every line of the traffic."""
        sent = list(deliveries(3_000, seed=3))
        usages = expected(sent)
        months = {place: usage for place, usage in usages.items() if is_month(place[1])}
        assert 3_000 == sum(usage.requests for usage in months.values())
        assert {"-", "!malformed"} < {key for key, _ in months}

    def test_names_the_counter(self) -> None:
        """A counter that is wrong, missing or too many is named."""
        sent = {("a", "2026-11"): Usage(requests=1), ("b", "2026-11"): Usage(requests=2)}
        found = {("a", "2026-11"): Usage(requests=2), ("c", "2026-11"): Usage(requests=1)}
        assert ["a 2026-11", "b 2026-11", "c 2026-11"] == [
            difference.partition(":")[0] for difference in differences(sent, found)
        ]

    def test_no_repeats(self) -> None:
        """A delivery brings each line once; the copies are made by the fault, not by the traffic."""
        ids = [event["id"] for delivery in deliveries(500, seed=1) for event in delivery["logEvents"]]
        assert len(ids) == len(set(ids)) == 500
        assert json.loads(next(iter(generate())))
