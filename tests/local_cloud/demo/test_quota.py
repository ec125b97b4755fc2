"""The demo's second act, on a cloud with a running pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.local.demo_quota_report import show_quota
from local_cloud.api_gateway.orders_api import refusal_of
from local_cloud.demo.quota import AMOUNT, KEY, QuotaAct, play_quota
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.stack import LocalCloud
from metering.period import is_hour

PARAMETERS = {"BatchingWindowSeconds": 1}


@pytest.fixture(scope="module")
def act() -> Iterator[QuotaAct]:
    """The act, played once."""
    with LocalCloud(PARAMETERS) as cloud, Pipeline(cloud, Listeners()) as pipeline:
        cloud.clock.follow(datetime(2026, 11, 5, 12, 30, tzinfo=UTC))
        yield play_quota(cloud, pipeline.drain)


def test_let_through(act: QuotaAct) -> None:
    """As many calls as the limit, to the call."""
    assert AMOUNT == act.let_through


def test_thresholds(act: QuotaAct) -> None:
    """80 % and 100 % are reported, each once, with what was used."""
    assert [(KEY, 80), (KEY, 100)] == [(event["apiKeyId"], event["threshold"]) for event in act.events]
    assert [8, 10] == [event["used"] for event in act.events]
    assert all(is_hour(event["period"]) for event in act.events)


def test_denied(act: QuotaAct) -> None:
    """The next call is denied by the counters: status 429, and when to come back."""
    assert 429 == act.refusal.status
    assert "1800" == act.refusal.headers["Retry-After"]
    assert "requests/hour" == act.refusal.headers["X-Quota-Limit"]
    assert act.refusal.headers["Retry-After"] == json.loads(act.refusal.body)["retryAfter"]


def test_reported(act: QuotaAct) -> None:
    """The demo prints it."""
    screen = Console(record=True, width=110)
    show_quota(screen, act)
    text = screen.export_text()
    assert "quota: key quota-demo has 10 requests/hour; 10 calls were allowed" in text
    assert ["80", "100"] == [line.split()[1] for line in text.splitlines() if "EventBridge" in line]
    assert f"next call: status 429, Retry-After: {act.refusal.headers['Retry-After']}" in text


def test_refusal_of() -> None:
    """A gateway response leaves out what the answer does not say."""
    refusal = refusal_of({"context": {"retryAfter": "5"}})
    assert {"Retry-After": "5"} == refusal.headers
