"""Which months an event asks for."""

from __future__ import annotations

from typing import Any

import pytest

from metering.errors import Misconfigured
from reconciliation.schedule import allows_incomplete, months_of, run_of


def scheduled(time: str) -> dict[str, Any]:
    """An event as EventBridge sends it by a schedule."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": time,
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/reconciliation"],
        "detail": {},
    }


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"month": "2026-10"}, ["2026-10"]),
        (scheduled("2026-11-01T03:00:00Z"), ["2026-11"]),
        (scheduled("2026-11-02T03:00:00Z"), ["2026-10", "2026-11"]),
        (scheduled("2026-11-30T23:59:59Z"), ["2026-11"]),
        (scheduled("2027-01-02T03:00:00Z"), ["2026-12", "2027-01"]),
    ],
)
def test_months(event: dict[str, Any], expected: list[str]) -> None:
    """Each day the running month, on the 2nd the last one too."""
    assert expected == months_of(event)


@pytest.mark.parametrize(
    ("event", "word"),
    [
        ({}, "neither a month"),
        ({"time": "noon"}, "neither a month"),
        ({"time": None}, "neither a month"),
        ({"month": "2026-13"}, "'2026-13' is not a valid period"),
        ({"month": "2026-10-05"}, "2026-10-05 is not a month"),
        ({"month": 202610}, "is not a valid period"),
    ],
)
def test_other_events(event: dict[str, Any], word: str) -> None:
    """Said at once, by what is wrong with them."""
    with pytest.raises(Misconfigured, match=word):
        months_of(event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (scheduled("2026-11-02T06:00:00Z"), "2026-11-02T06"),
        (scheduled("2026-11-02T08:00:00+02:00"), "2026-11-02T06"),
        ({"month": "2026-10"}, "a-request"),
        ({"month": "2026-10", "allow_incomplete": True}, "a-request-incomplete"),
    ],
)
def test_runs(event: dict[str, Any], expected: str) -> None:
    """A schedule's hour has one run, however often the event comes; others are known by their request."""
    assert expected == run_of(event, "a-request")


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), ("true", False), (1, False)])
def test_allowed(value: object, expected: bool) -> None:
    """Only what cannot be meant otherwise lets a month be compared that is not complete."""
    assert expected is allows_incomplete({"month": "2026-10", "allow_incomplete": value})
