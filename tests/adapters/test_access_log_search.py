"""The log groups, asked for calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.access_log_search import LONGEST_PATTERN, AccessLogSearch, patterns
from local_cloud.stack import LocalCloud
from metering.billing_rule import BillingRule
from metering.errors import Misconfigured
from metering.proof.logged_call import TooManyLines
from tests.factories import NOON_MS, line, lines

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A log group with two calls of a key, one of another, one without a key and a line that is none."""
    with LocalCloud() as running:
        running.clock.follow(NOON)
        messages = [*lines(2, apiKeyId="a"), line(apiKeyId="b"), line(apiKeyId="-"), "no line"]
        logs = running.client("logs")
        logs.create_log_stream(logGroupName=running.log_group, logStreamName="stage")
        events = [{"timestamp": NOON_MS, "message": message} for message in messages]
        logs.put_log_events(logGroupName=running.log_group, logStreamName="stage", logEvents=events)
        yield running


def witness(cloud: LocalCloud, *groups: str, now: datetime = NOON, logs: Any = None) -> AccessLogSearch:
    """A witness of these groups, or of the access log's."""
    names = groups or (cloud.log_group,)
    return AccessLogSearch(logs or cloud.client("logs"), names, BillingRule(), lambda: now)


@pytest.mark.parametrize(
    ("keys", "number"), [(["a"], 2), (["a", "b"], 3), (["-"], 1), (["!malformed"], 1), (["c"], 0)]
)
def test_calls(cloud: LocalCloud, keys: list[str], number: int) -> None:
    """Those of the keys, reserved ones too, with the time at which they were logged."""
    found = list(witness(cloud).calls(keys, NOON - HOUR, NOON + HOUR))
    assert number == len(found)
    assert all(NOON_MS == one.logged_at_ms and one.call.key in keys for one in found)


def test_times(cloud: LocalCloud) -> None:
    """The end is not among them."""
    assert [] == list(witness(cloud).calls(["a"], NOON - HOUR, NOON))
    assert 2 == len(list(witness(cloud).calls(["a"], NOON, NOON + HOUR)))


def test_what_it_holds(cloud: LocalCloud) -> None:
    """As long as the group keeps its lines, and only where there are any."""
    assert witness(cloud).holds(NOON - HOUR, NOON + HOUR)
    assert not witness(cloud).holds(NOON - 2 * HOUR, NOON - HOUR)
    assert not witness(cloud, "not there").holds(NOON - HOUR, NOON + HOUR)
    cloud.client("logs").put_retention_policy(logGroupName=cloud.log_group, retentionInDays=30)
    assert not witness(cloud, now=NOON + timedelta(days=30)).holds(NOON - HOUR, NOON + HOUR)


def test_a_group_that_is_gone(cloud: LocalCloud) -> None:
    """It is named."""
    with pytest.raises(Misconfigured, match="not there"):
        list(witness(cloud, "not there").calls(["a"], NOON, NOON + HOUR))


class Endless:
    """Logs that have always one page more, and nothing on it."""

    def filter_log_events(self, **_request: Any) -> dict[str, Any]:
        return {"events": [], "nextToken": "more"}


def test_too_many_pages(cloud: LocalCloud) -> None:
    """Empty ones are not the last; the search ends all the same."""
    with pytest.raises(TooManyLines, match="more than 500 pages"):
        list(witness(cloud, logs=Endless()).calls(["a"], NOON, NOON + HOUR))


def test_no_time_left() -> None:
    """The search ends after its page."""
    endless: Any = Endless()
    search = AccessLogSearch(endless, ("group",), BillingRule(), lambda: NOON, lambda: True)
    with pytest.raises(TooManyLines, match="more pages than there is time for"):
        list(search.calls(["a"], NOON, NOON + HOUR))


def test_patterns() -> None:
    """Plain keys are asked for by name, as many as fit; for others all lines are read."""
    assert ['{ ($.apiKeyId = "a") || ($.authorizerKeyId = "a") }'] == patterns(["a"])
    assert [""] == patterns(["a", 'quo"te']) == patterns(["-"]) == patterns(["!malformed"])
    many = patterns([f"key{number:017d}" for number in range(20)])
    assert 1 < len(many) < 20
    assert all(len(pattern) <= LONGEST_PATTERN for pattern in many)
