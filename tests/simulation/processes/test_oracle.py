"""What the counters must hold of generated traffic, by a reader of its own."""

from __future__ import annotations

import json

from local_cloud.playback.traffic import generate
from metering.period import is_month
from metering.usage import Usage
from simulation.processes.oracle import deliveries, differences, expected


def test_sees_all() -> None:
    """It reckons with every line of the traffic."""
    sent = list(deliveries(3_000, seed=3))
    usages = expected(sent)
    months = {place: usage for place, usage in usages.items() if is_month(place[1])}
    assert 3_000 == sum(usage.requests for usage in months.values())
    assert {"-", "!malformed"} < {key for key, _ in months}


def test_names_the_counter() -> None:
    """A counter that is wrong, missing or too many is named."""
    sent = {("a", "2026-11"): Usage(requests=1), ("b", "2026-11"): Usage(requests=2)}
    found = {("a", "2026-11"): Usage(requests=2), ("c", "2026-11"): Usage(requests=1)}
    assert ["a 2026-11", "b 2026-11", "c 2026-11"] == [
        difference.partition(":")[0] for difference in differences(sent, found)
    ]


def test_no_repeats() -> None:
    """A delivery brings each line once; the copies are made by the fault, not by the traffic."""
    ids = [event["id"] for delivery in deliveries(500, seed=1) for event in delivery["logEvents"]]
    assert len(ids) == len(set(ids)) == 500
    assert json.loads(next(iter(generate())))
