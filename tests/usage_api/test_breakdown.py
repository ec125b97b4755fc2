"""A key's calls by endpoint and status, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.counters.breakdown import BreakdownIndex, EndpointCalls, KeyBreakdown
from metering.period import Period
from tests.usage_api.events import of_customer, of_operator
from tests.usage_api.test_app import Api

NOVEMBER = Period("2026-11")
UNTIL = datetime(2026, 11, 24, 6, tzinfo=UTC)
CALLS = KeyBreakdown("k1", (EndpointCalls("GET", "/a", 200, 7), EndpointCalls("", "", 500, 2)), 3)
INDEX = BreakdownIndex(NOVEMBER, "run", UNTIL, ("k1",), CALLS)


@pytest.fixture
def api() -> Api:
    """One key has called something in November."""
    return Api(breakdowns={NOVEMBER: (INDEX, [CALLS])})


def test_of_a_key(api: Api) -> None:
    """A customer sees those of the key that was shown, an operator those of any; until when they are counted
    is said.
    """
    own = api.json(of_customer("k1", "/me/breakdown"))
    assert own == api.json(of_operator("/keys/{id}/breakdown", id="k1", query={"period": ["2026-11"]}))
    assert ("2026-11", "2026-11-24T06:00:00Z", 3) == (
        own["period"],
        own["counted_until"],
        own["other_requests"],
    )
    assert {"method": "GET", "route": "/a", "status": 200, "requests": 7} == own["endpoints"][0]


def test_without_calls(api: Api) -> None:
    """A key without calls has no endpoints; a month that was not counted says so."""
    other = api.json(of_customer("k2", "/me/breakdown"))
    assert ("2026-11-24T06:00:00Z", []) == (other["counted_until"], other["endpoints"])
    before = api.json(of_customer("k1", "/me/breakdown", query={"period": ["2026-10"]}))
    assert (None, []) == (before["counted_until"], before["endpoints"])


def test_as_a_table(api: Api) -> None:
    """A row for each endpoint and status, and one for what is not listed."""
    answer = api(of_customer("k1", "/me/breakdown", headers={"accept": "text/csv"}))
    rows = answer["body"].lstrip("\ufeff").splitlines()
    assert [
        "key,month,method,route,status,requests",
        "k1,2026-11,GET,/a,200,7",
        "k1,2026-11,,,500,2",
    ] == rows[:3]
    assert "k1,2026-11,,(others),,3" == rows[3]
