"""What the demo found."""

import json

import pytest

from local_cloud.demo.result import DemoResult, Sent
from local_cloud.demo.stream_audit import StreamContents
from metering.usage import Usage
from reconciliation.model.contradictions import Contradiction
from tests.local_cloud.demo.results import OCTOBER, ONE_MORE, STREAM, report, result


def test_its_json_has_the_fixed_names() -> None:
    """Others read them."""
    document = result().to_json()

    assert {
        "log_events": 10,
        "metered": 8,
        "unattributed": 1,
        "malformed": 1,
        "undecodable": 1,
        "duplicates_ignored": 3,
        "lake_rows": 13,
        "lake_events": 10,
        "drift": [],
        "freshness_ms": {"p50": 1500, "p99": 2500},
        "seconds": 12.3,
        "keys": 3,
        "months": {"2026-10": 6, "2026-11": 2},
        "faults": {"failed_batch": 2},
        "problems": [],
    } == json.loads(json.dumps(document))


def test_differences_are_reported_whole() -> None:
    """Both sides with all totals; a fingerprint keeps its digits in whatever reads the JSON."""
    found = result(october=report(OCTOBER, [ONE_MORE], metered=6, unattributed=1, malformed=1))

    (entry,) = found.to_json()["drift"]

    assert ("shop", "2026-10", "calls missing in the lake") == (
        entry["key"],
        entry["period"],
        entry["nature"],
    )
    assert (2, str(2**70)) == (entry["counted"]["requests"], entry["counted"]["fingerprint"])
    assert (1, "5") == (entry["in_lake"]["requests"], entry["in_lake"]["fingerprint"])
    assert set(Usage.__struct_fields__) == entry["counted"].keys()
    assert ["the figures disagree in 1 place"] == found.problems


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (result(sent=Sent(11, 0)), "11 log events were put, 10 reached the stream"),
        (result(sent=Sent(10, 2)), "2 records were given up by the event source mapping"),
        (
            result(stream=StreamContents(15, 10, 12, 2, STREAM.months)),
            "the stream holds 12 events, 11 were counted",
        ),
        (result(lake_events=9), "the stream holds 10 events for the lake, 9 landed"),
        (
            result(
                october=report(
                    OCTOBER,
                    contradictions=[Contradiction("shop", OCTOBER, "31", 1, 2)],
                    metered=6,
                    unattributed=1,
                    malformed=1,
                )
            ),
            "the figures disagree in 1 place",
        ),
    ],
)
def test_each_promise_that_is_broken_is_a_problem(found: DemoResult, problem: str) -> None:
    """Also where both sides agree: what neither has is missing."""
    assert [problem] == found.problems
