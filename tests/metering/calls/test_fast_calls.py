"""The fast path of reading calls, against the clear one."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metering.billing_rule import BillingRule
from metering.calls import fast_calls as usual_calls
from metering.calls.access_log import read_call
from metering.calls.delivery import LogEvent
from metering.calls.fast_calls import read_calls
from metering.calls.fast_keys import usual_keys
from tests.examples import examples
from tests.factories import KEY, NOON_MS, line
from tests.metering.calls.test_access_log import texts

RULE = BillingRule()
RULES = st.sampled_from(["429,5xx", "", "2xx,404"]).map(BillingRule)
EVENTS = st.builds(
    LogEvent, st.sampled_from(["3699", "3700"]), st.sampled_from([0, NOON_MS, NOON_MS + 86_400_000]), texts()
)


def event(**fields: object) -> LogEvent:
    """A log event of noon."""
    return LogEvent("3699", NOON_MS, line(**fields))


@given(st.lists(EVENTS, max_size=4), RULES)
@example([LogEvent("3699", NOON_MS, line(requestTimeEpoch=str(NOON_MS // 1000)))], RULE)
@example([LogEvent("3699", NOON_MS, line(apiKeyId="a", other='"apiKeyId"'))], RULE)
@example([LogEvent("3699", NOON_MS, line(authorizerKeyId=5))], RULE)
@example([LogEvent("3699", NOON_MS, line(apiKeyId="-", authorizerKeyId="d4e5f6"))], RULE)
@example([LogEvent("3699", NOON_MS, line(responseLength="null", requestLength=None))], RULE)
@example([LogEvent("3699", NOON_MS, '{"status":"200"} {"status":"200"}')], RULE)
@settings(max_examples=examples(500))
def test_equal(events: list[LogEvent], rule: BillingRule) -> None:
    """Whatever log events hold, the fast path gives what the clear one gives."""
    assert [read_call(one, rule) for one in events] == read_calls(events, rule)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "429", "responseLength": "-", "requestLength": "17", "responseLatency": "-"},
        {"status": "503", "authorizerKeyId": "-"},
        {"status": "403", "decision": "denied"},
        {"requestLength": None, "authorizerKeyId": KEY},
        {"apiKeyId": "-"},
        {"apiKeyId": "-", "authorizerKeyId": "-"},
        {"apiKeyId": ""},
        {"requestTimeEpoch": str(NOON_MS // 1000), "resourcePath": None, "routeKey": "GET /"},
    ],
)
def test_usual_lines(fields: dict[str, str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that API Gateway writes are read by the fast path, with a key and without."""
    log_event = event(**fields)
    expected = read_call(log_event, RULE)
    monkeypatch.setattr(usual_calls, "read_event", lambda *_: pytest.fail("not a usual line"))
    assert [expected] == read_calls([log_event], RULE)


def test_key_is_shared() -> None:
    """The calls of a key hold one text between them, so that many calls take little memory."""
    first, second = read_calls([event(), event()], RULE)
    assert first.key is second.key


def test_keys_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys there are, only so many are remembered, and all are read."""
    monkeypatch.setattr("metering.calls.fast_keys.MOST_KEYS", 10)
    keys = [f"key-{number}" for number in range(1000)]
    calls = read_calls([event(apiKeyId=key) for key in keys], RULE)
    assert keys == [call.key for call in calls]
    assert len(usual_keys) <= 10
