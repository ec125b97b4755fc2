"""One cloud with traffic and one browser, for all tests of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from selenium.webdriver import Chrome

from metering.period import Period
from metering.quotas.plan import Kind, Limit, Plan, Span
from metering.usage import Metric, Usage
from tests.dashboard import chromium
from tests.dashboard.page import Page
from tests.dashboard.world import World
from tests.factories import line

BEGIN: Final = datetime(2026, 10, 30, 9, tzinfo=UTC)
NOW: Final = datetime(2026, 11, 24, 19, 0, 3, tzinfo=UTC)
"""The time in the cloud, which stands still."""

COUNTED_UNTIL: Final = datetime(2026, 11, 24, 6, tzinfo=UTC)
"""Up to when calls are counted by endpoint."""

BUSY: Final = "d0e96b5f16"
IDLE: Final = "0dd0000000"
ENDPOINTS: Final = (
    ("GET", "/orders/{id}", "200"),
    ("GET", "/orders/{id}", "200"),
    ("POST", "/orders", "201"),
    ("POST", "/orders", "500"),
)
"""What the busy key calls, in turn."""
TARIFF: Final = {
    "currency": "EUR",
    "rounding": {"digits": 2, "mode": "half_even"},
    "default_plan": "pro",
    "plans": {
        "pro": [
            {
                "version": "1",
                "valid_from": "2026-01",
                "prices": [{"metric": "requests", "model": "flat", "unit_price": "0.10"}],
            }
        ]
    },
}
MARKUP: Final = "<img src=x onerror=alert(1)>"
MARKED_UP: Final = '"><script>alert(2)</script><b>bold</b>'


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """A busy key with a plan, one whose name is markup, and lines that cannot be read, in two months."""
    chromium.require()
    with World(BEGIN) as running:
        running.play(_lines())
        running.stand_at(NOW)
        limits = (
            Limit(Metric.BILLABLE, Span.MONTH, 200),
            Limit(Metric.REQUESTS, Span.DAY, 10, thresholds=(80, 100)),
            Limit(Metric.RESPONSE_BYTES, Span.MONTH, 10_000_000, kind=Kind.SOFT),
        )
        running.give_plan(BUSY, Plan("pro", limits), account="acme")
        running.give_account_plan("acme", Plan("team", (Limit(Metric.REQUESTS, Span.MONTH, 500),)))
        running.give_plan(MARKUP, Plan("free", (Limit(Metric.REQUESTS, Span.MONTH, 5),)), account=MARKED_UP)
        running.publish_tariff(TARIFF)
        running.issue_invoices(Period("2026-10"), {BUSY: Usage(10, 8)}, TARIFF)
        running.publish_breakdown(Period("2026-11"), COUNTED_UNTIL)
        running.add_up()
        yield running


@pytest.fixture(scope="package")
def chrome() -> Iterator[Chrome]:
    """The browser."""
    chromium.require()
    with chromium.running() as running:
        yield running


@pytest.fixture
def page(world: World, chrome: Chrome) -> Iterator[Page]:
    """The dashboard. The test fails if a dialog opened, or the console or another host was ever needed."""
    page = Page(chrome, world.server.url)
    page.resize(1280, 900)
    page.prefer(color_scheme="light", reduced_motion="reduce")
    page.complaints()
    page.requests()
    yield page
    page.close()
    assert [] == page.complaints()
    assert [] == [url for url in page.requests() if not url.startswith((page.url, "data:", "about:blank"))]


def _lines() -> Iterator[str]:
    """Calls from October 30 on: of the busy key five a day, one of them failing."""
    number = 0
    for day in range(26):
        for hour in range(5):
            number += 1
            method, route, status = ENDPOINTS[hour % 4]
            fields = {"httpMethod": method, "resourcePath": route}
            yield _call(BEGIN + timedelta(days=day, hours=hour), number, BUSY, status, **fields)
    moment = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    for place in range(7):
        call = {"path": f"/{MARKED_UP}", "userAgent": MARKUP, "resourcePath": MARKUP}
        yield _call(moment + timedelta(seconds=place), 9000 + place, MARKUP, "200", **call)
    yield _call(moment, 9100, "-", "200")
    yield "Method completed with status: 200"


def _call(moment: datetime, number: int, key: str, status: str, **fields: str) -> str:
    return line(
        extendedRequestId=f"{number:015x}=",
        apiKeyId=key,
        requestTimeEpoch=str(int(moment.timestamp() * 1000)),
        status=status,
        **fields,
    )
