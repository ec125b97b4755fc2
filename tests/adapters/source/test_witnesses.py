"""Both witnesses in the local cloud, whose gateway and log query count for themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.source.log_insights import InsightsWitness
from adapters.source.usage_plans import UsagePlanWitness
from local_cloud.api_gateway.gateway import PLAN, MeteredGateway
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured, Transient
from metering.period import Period

OCTOBER = Period("2026-10")
AT = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)


def line(key: str, when: datetime, *, in_seconds: bool = False, **more: str) -> str:
    """A line of a call."""
    time = int(when.timestamp()) * (1 if in_seconds else 1000)
    call = {"apiId": "a", "stage": "prod", "apiKeyId": key, "requestTimeEpoch": str(time), "status": "200"}
    return json.dumps({**call, **more})


LINES = [
    *[line("k1", AT)] * 3,
    line("k1", AT, in_seconds=True),
    line("k2", datetime(2026, 10, 31, tzinfo=UTC)),
    line("-", AT, authorizerKeyId="k2"),
    line("-", AT),
    line("k1", datetime(2026, 11, 1, tzinfo=UTC)),
    "no call at all",
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A log group with these lines."""
    with LocalCloud() as running:
        running.clock.follow(AT)
        MeteredGateway(running).take(LINES)
        logs, group = running.client("logs"), running.log_group
        logs.create_log_stream(logGroupName=group, logStreamName="a")
        now = int(AT.timestamp() * 1000)
        events = [{"timestamp": now, "message": one} for one in LINES]
        logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)
        yield running


def test_the_log(cloud: LocalCloud) -> None:
    """Lines by key and day, in milliseconds and seconds; without a key the authorizer's word counts."""
    witness = InsightsWitness(cloud.client("logs"), [cloud.log_group], lambda _seconds: None, lambda: 0.0)
    found = witness.testify(OCTOBER)
    last = Period("2026-10-31")
    assert {("k1", last): 4, ("k2", last): 2, ("-", last): 1} == found.counts
    assert found.speaks_for_all


class Slow:
    """A query that is never complete."""

    def __init__(self, status: str) -> None:
        self.status = status

    def start_query(self, **_request: Any) -> dict[str, str]:
        """Begin."""
        return {"queryId": "q"}

    def get_query_results(self, **_request: Any) -> dict[str, str]:
        """Not yet."""
        return {"status": self.status}


@pytest.mark.parametrize("status", ["Running", "Failed"])
def test_a_query_without_an_end(status: str) -> None:
    """It is given up after some minutes, or at once where it failed, and the error names it."""
    times = iter(range(0, 10_000, 100))
    slow: Any = Slow(status)
    witness = InsightsWitness(slow, ["log"], lambda _seconds: None, lambda: float(next(times)))
    with pytest.raises(Transient, match=f"the query of the log groups is {status}: q"):
        witness.testify(OCTOBER)


def test_usage_plans(cloud: LocalCloud) -> None:
    """The calls of each key by day, of all plans but the meter's own."""
    found = UsagePlanWitness(cloud.client("apigateway")).testify(OCTOBER)
    counts = {at: calls for at, calls in found.counts.items() if calls}
    assert {("k1", Period("2026-10-31")): 4, ("k2", Period("2026-10-31")): 1} == counts
    assert 2 * 31 == len(found.counts)
    assert {} == UsagePlanWitness(cloud.client("apigateway"), without=PLAN).testify(OCTOBER).counts


def test_a_missing_right() -> None:
    """An error names what was asked for."""
    with LocalCloud() as cloud, pytest.raises(Misconfigured, match="StartQuery of the log groups"):
        InsightsWitness(cloud.client("logs"), ["no such group"], lambda _seconds: None, lambda: 0.0).testify(
            OCTOBER
        )
