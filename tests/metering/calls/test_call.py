"""Calls, and what stands for what is none."""

from __future__ import annotations

import pytest

from metering.calls.call import Call, malformed, undecodable
from metering.calls.event_id import event_hash
from metering.line_format.absent_number import Absent
from metering.outcome import Outcome
from metering.usage import Usage
from tests.factories import KEY, NOON_MS


def test_usage_of_a_call() -> None:
    """One request, and each of its amounts in its own total."""
    call = Call("id", 7, NOON_MS, KEY, True, True, 11, 13, 17)
    expected = Usage(
        requests=1, billable=1, errors=1, response_bytes=11, request_bytes=13, latency_ms=17, fingerprint=7
    )
    assert expected == call.usage


def test_unknown_sizes() -> None:
    """A size that is not known is no 0: how many there are is counted, of requests and responses apart."""
    request, response = (
        Call("id", 7, NOON_MS, KEY, request_bytes=Absent.DASH),
        Call("id", 7, NOON_MS, KEY, response_bytes=Absent.DASH),
    )
    assert Usage(requests=1, fingerprint=7, unknown_request_sizes=1) == request.usage
    assert Usage(requests=1, fingerprint=7, unknown_response_sizes=1) == response.usage


def test_usage_of_a_call_that_is_not_billed() -> None:
    """It is counted all the same."""
    assert Usage(requests=1, fingerprint=7) == Call("id", 7, NOON_MS, KEY).usage


@pytest.mark.parametrize(
    ("key", "outcome"),
    [(KEY, Outcome.METERED), ("-", Outcome.UNATTRIBUTED), ("!malformed", Outcome.MALFORMED)],
)
def test_outcome(key: str, outcome: Outcome) -> None:
    """A call's key says what became of it."""
    assert outcome == Call("id", 7, NOON_MS, key).outcome


def test_malformed() -> None:
    """One request at the time of logging, identified by its log event."""
    call = malformed("3699", NOON_MS)
    assert (Outcome.MALFORMED, "3699", NOON_MS) == (call.outcome, call.event_id, call.time_ms)
    assert Usage(requests=1, fingerprint=event_hash("3699")) == call.usage


def test_undecodable() -> None:
    """One request at the time of arrival, identified by its record."""
    call = undecodable("shardId-000000000000:49", NOON_MS)
    assert (Outcome.UNDECODABLE, NOON_MS) == (call.outcome, call.time_ms)
    assert Usage(requests=1, fingerprint=event_hash("shardId-000000000000:49")) == call.usage
