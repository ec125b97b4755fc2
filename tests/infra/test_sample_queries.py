"""The three queries of the first design, word for word, on rows that the transform has made: with sizes,
without, and mixed, they say what an oracle says that adds the lines up.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator

import msgspec
import pytest

from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import lake_rows
from tests.factories import NOON_MS, line
from tests.local_cloud.athena.workshop import Analyst

REQUESTS = """
SELECT
  apiKeyId,
  COUNT(*) as total_requests,
  SUM(responseLatency) as total_latency_ms
FROM api_gateway_logs
WHERE year = 2026 AND month = 10
GROUP BY apiKeyId
ORDER BY total_requests DESC
"""
TRANSFER = """
SELECT
  apiKeyId,
  SUM(requestSize + responseSize) / 1024 / 1024 as total_mb_transferred
FROM api_gateway_logs
WHERE year = 2026 AND month = 10
GROUP BY apiKeyId
"""
ENDPOINTS = """
SELECT
  apiKeyId,
  resourcePath,
  COUNT(*) as request_count
FROM api_gateway_logs
WHERE year = 2026 AND month = 10
GROUP BY apiKeyId, resourcePath
"""
NAMED = {
    "RequestsPerKeyQuery": REQUESTS,
    "TransferPerKeyQuery": TRANSFER,
    "RequestsPerEndpointQuery": ENDPOINTS,
}
KEYS = ("shop", "blog", "-")
SIZES: dict[str, Callable[[int], str]] = {
    "with sizes": lambda number: str(number * 100_000),
    "without sizes": lambda _number: "-",
    "mixed": lambda number: ("-", str(number * 100_000), "chunked", "05")[number % 4],
}


def logged(size: str) -> list[dict[str, str]]:
    """The fields of lines whose requests' sizes are of one kind; some answers have none either."""
    return [
        {
            "extendedRequestId": f"call-{number}",
            "apiKeyId": KEYS[number % 3],
            "resourcePath": ("/orders", "/users")[number % 2],
            "requestLength": SIZES[size](number),
            "responseLength": "-" if number % 5 == 0 else str(number * 200_000),
            "responseLatency": str(number),
        }
        for number in range(60)
    ]


def amount(text: str) -> int:
    """A number of a line, nothing for one that is none."""
    return int(text) if text.isdecimal() else 0


@pytest.fixture(scope="module", params=SIZES)
def lake(request: pytest.FixtureRequest) -> Iterator[tuple[Analyst, list[dict[str, str]]]]:
    """A lake with such lines, and the lines."""
    lines = logged(request.param)
    events = [LogEvent(str(number), NOON_MS, line(**fields)) for number, fields in enumerate(lines)]
    rows = [json.loads(msgspec.json.encode(row)) for row in lake_rows(events, BillingRule())]
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        analyst.store("2026-10-31", *rows)
        yield analyst, lines


def test_requests(lake: tuple[Analyst, list[dict[str, str]]]) -> None:
    """Requests and latency of each key."""
    analyst, lines = lake
    expected: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for fields in lines:
        expected[fields["apiKeyId"]][0] += 1
        expected[fields["apiKeyId"]][1] += amount(fields["responseLatency"])
    found = {key: [int(count or ""), int(latency or "")] for key, count, latency in analyst.ask(REQUESTS)[1:]}
    assert expected == found


def test_transfer(lake: tuple[Analyst, list[dict[str, str]]]) -> None:
    """Megabytes of each key: a size that is not known counts as nothing, and leaves the others."""
    analyst, lines = lake
    expected: defaultdict[str, int] = defaultdict(int)
    for fields in lines:
        expected[fields["apiKeyId"]] += amount(fields["requestLength"]) + amount(fields["responseLength"])
    found = {key: int(megabytes or "") for key, megabytes in analyst.ask(TRANSFER)[1:]}
    assert {key: total // 1024 // 1024 for key, total in expected.items()} == found


def test_endpoints(lake: tuple[Analyst, list[dict[str, str]]]) -> None:
    """Requests of each key and endpoint."""
    analyst, lines = lake
    expected: defaultdict[tuple[str | None, ...], int] = defaultdict(int)
    for fields in lines:
        expected[fields["apiKeyId"], fields["resourcePath"]] += 1
    assert expected == {(key, path): int(count or "") for key, path, count in analyst.ask(ENDPOINTS)[1:]}


def test_sizes_that_are_not_known(lake: tuple[Analyst, list[dict[str, str]]]) -> None:
    """Can be counted: they are not the same as nothing."""
    analyst, lines = lake
    unknown = "SELECT COUNT(*) FROM api_gateway_logs WHERE year = 2026 AND NOT requestSizeKnown"
    expected = sum(not fields["requestLength"].isdecimal() for fields in lines)
    assert [[str(expected)]] == analyst.ask(unknown)[1:]


@pytest.mark.parametrize("name", NAMED)
def test_the_named_queries(lake: tuple[Analyst, list[dict[str, str]]], name: str) -> None:
    """Say the same of their month."""
    analyst, _ = lake
    text = Stack().resource(name)["QueryString"].replace("current_date", "DATE '2026-10-31'")
    assert sorted(map(str, analyst.ask(NAMED[name]))) == sorted(map(str, analyst.ask(text)))
