"""Calls by endpoint and status: from the lake to what a look-up reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.s3.bucket import Bucket
from adapters.s3.reports import S3Breakdowns
from metering.counters import breakdown as pages
from metering.counters.breakdown import BreakdownIndex, EndpointCalls
from metering.errors import Transient
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY
from metering.period import Period, ends_at
from reconciliation.breakdown import BreakdownPublisher
from tests.reconciliation.month_end import OCTOBER, Deployment, call, row, running

UNTIL = ends_at(OCTOBER)


def called(number: int, key: str, endpoint: str, status: int, day: int = 5) -> dict[str, Any]:
    """A row of the lake."""
    one = row(call(f"e{number}", f"2026-10-{day:02d}T12:00:00", key))
    method, _, route = endpoint.partition(" ")
    return one | {"httpmethod": method or None, "resourcepath": route or None, "status": status}


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """Two keys, calls without one, a line that cannot be read, and a call that lies in the lake twice."""
    for filled in running():
        twice = called(1, "a", "GET /orders/{id}", 200)
        filled.analyst.store(
            "2026-10-05",
            twice,
            twice,
            called(2, "a", "GET /orders/{id}", 200),
            called(3, "a", "GET /orders/{id}", 404),
            called(4, "a", "POST /orders", 201, day=6),
            called(5, "b", "GET /orders/{id}", 200),
            called(6, UNATTRIBUTED_KEY, "", 403),
            row(call("e7", "2026-10-05T12:00:00", MALFORMED_KEY)),
        )
        yield filled


def bucket(deployment: Deployment) -> Bucket:
    """Where breakdowns are kept."""
    return Bucket(deployment.s3, deployment.settings.lake_bucket)


def publish(deployment: Deployment, run_id: str, until: datetime = UNTIL) -> BreakdownIndex | None:
    """Publish October."""
    publisher = BreakdownPublisher(deployment.sources.queries, bucket(deployment))
    return publisher.publish(OCTOBER, until, run_id=run_id)


def test_calls_of_a_key(deployment: Deployment) -> None:
    """Each event once, by method, route and status, the most frequent first; a key without calls has none,
    a month that was never counted has no index.
    """
    publish(deployment, "one")
    store = S3Breakdowns(bucket(deployment))
    index = store.index(OCTOBER)
    assert index is not None
    found = store.of_key(index, "a")
    assert found is not None
    expected = [
        ("GET", "/orders/{id}", 200, 2),
        ("POST", "/orders", 201, 1),
        ("GET", "/orders/{id}", 404, 1),
    ]
    assert [EndpointCalls(*one) for one in expected] == list(found.endpoints)
    assert store.of_key(index, "aa") is None
    assert store.of_key(index, MALFORMED_KEY) is None
    assert store.index(Period("2026-09")) is None


def test_all_keys_together(deployment: Deployment) -> None:
    """Calls without a key are among them, lines that cannot be read are not; calls at or after the end are
    not.
    """
    index = publish(deployment, "two", datetime(2026, 10, 6, 12, tzinfo=UTC))
    assert index is not None
    expected = [("GET", "/orders/{id}", 200, 3), ("", "", 403, 1), ("GET", "/orders/{id}", 404, 1)]
    assert [EndpointCalls(*one) for one in expected] == list(index.total.endpoints)
    assert publish(deployment, "none", datetime(2026, 10, 1, tzinfo=UTC)) is None


def test_a_newer_run_replaces_the_one_before(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages are gone then, and whoever still holds the former index is asked to try again. A run that
    began before another had ended changes nothing.
    """
    monkeypatch.setattr(pages, "ROWS_OF_A_PAGE", 1)
    former = publish(deployment, "three")
    assert former is not None
    assert len(former.first_keys) == 3
    store = S3Breakdowns(bucket(deployment))
    slow = bucket(deployment)
    held = slow.get("breakdown/2026-10/index.json")
    assert held is not None
    newer = publish(deployment, "four")
    names = [one.name for one in slow.objects("breakdown/2026-10/")]
    assert [
        *(f"breakdown/2026-10/four/0000{n}.json" for n in range(3)),
        "breakdown/2026-10/index.json",
    ] == names
    with pytest.raises(Transient, match="just replaced"):
        store.of_key(former, "b")
    monkeypatch.setattr(slow, "get", lambda _name: held)
    late = BreakdownPublisher(deployment.sources.queries, slow)
    assert late.publish(OCTOBER, UNTIL, run_id="late") is None
    assert newer == store.index(OCTOBER)
