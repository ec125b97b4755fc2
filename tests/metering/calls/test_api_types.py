"""Lines of each type of API in the form in which AWS was recorded to write them; ids are made up."""

from __future__ import annotations

import pytest

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.calls.call import Call
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.calls.fast_calls import read_calls
from metering.calls.lake_row import lake_row, lake_rows
from metering.line_format.absent_number import Absent

RULE = BillingRule()
LOGGED_MS = 1_793_700_000_500
REST = (
    '{"requestId":"3f1c1a52-0000-4000-8000-000000000000","extendedRequestId":"ZYzaleYK9ZO9BM8=",'
    '"apiId":"a1b2c3d4e5","stage":"prod","apiKeyId":"key0aaaaaa","authorizerKeyId":"-",'
    '"requestTimeEpoch":"1793700000123","httpMethod":"GET","resourcePath":"/x","path":"/prod/x","status":"200",'
    '"responseLength":"47","requestLength":"-","responseLatency":"12","integrationLatency":"-",'
    '"sourceIp":"192.0.2.1","userAgent":"curl/8"}'
)
HTTP = (
    '{"requestId":"Jp4N8qdN5FLmtDg=","extendedRequestId":"Jp4N8qdN5FLmtDg=","apiId":"a1b2c3d4e5",'
    '"stage":"$default","apiKeyId":"customer-0","authorizerKeyId":"-","requestTimeEpoch":"1793700000",'
    '"httpMethod":"GET","routeKey":"GET /x","path":"/x","status":"429","responseLength":"47",'
    '"requestLength":"-","responseLatency":"71","integrationLatency":"39","sourceIp":"192.0.2.1","userAgent":"curl/8"}'
)
HTTP_SAMPLE = (
    '{"requestId":"AbCdEfGhIjKlMnO=","ip":"192.0.2.1","requestTime":"03/Nov/2026:10:00:01 +0000",'
    '"httpMethod":"GET","routeKey":"GET /","status":"200","protocol":"HTTP/1.1","responseLength":"47140"}'
)
BARE_DASH = (
    '{"requestTime":"03/Nov/2026:10:00:04 +0000","requestId":"AbCdEfGhIjKlMnQ=","httpMethod":"GET",'
    '"path":"/x","routeKey":"GET /x","status":404,"responseLatency":-}'
)
CONNECT = (
    '{"requestId":"WsExampleReqId0=","ip":"192.0.2.1","caller":"-","user":"-",'
    '"requestTime":"03/Nov/2026:10:00:05 +0000","eventType":"CONNECT","routeKey":"$connect","status":"500",'
    '"connectionId":"WsExampleConnId="}'
)
DISCONNECT = CONNECT.replace("$connect", "$disconnect").replace("CONNECT", "DISCONNECT").replace("500", "-")


UNKNOWN = Absent.DASH


def call(
    event_id: str,
    time_ms: int,
    key: str = "-",
    sizes: tuple[int | Absent, int | Absent] = (UNKNOWN, UNKNOWN),
    latency_ms: int = 0,
    **more: bool,
) -> Call:
    """A call as it is counted."""
    return Call(
        event_id,
        event_hash(event_id),
        time_ms,
        key,
        more.get("billed", False),
        more.get("error", False),
        *sizes,
        latency_ms=latency_ms,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REST, call("ZYzaleYK9ZO9BM8=", 1_793_700_000_123, "key0aaaaaa", (47, UNKNOWN), 12, billed=True)),
        (HTTP, call("Jp4N8qdN5FLmtDg=", 1_793_700_000_000, "customer-0", (47, UNKNOWN), 71, error=True)),
        (HTTP_SAMPLE, call("log", 1_793_700_001_000, "-", (47140, UNKNOWN))),
        (BARE_DASH, call("log", 1_793_700_004_000, error=True)),
        (CONNECT, call("log", 1_793_700_005_000, error=True)),
        (DISCONNECT, call("log", 1_793_700_005_000)),
    ],
    ids=[
        "REST",
        "HTTP",
        "HTTP, AWS's sample",
        "HTTP, a bare dash",
        "WebSocket connect",
        "WebSocket disconnect",
    ],
)
def test_a_recorded_line(text: str, expected: Call) -> None:
    """Is the call that it is, on both paths and in the lake; nothing is noted."""
    event = LogEvent("log", LOGGED_MS, text)
    assert (expected, ()) == (read_event(event, RULE).call, read_event(event, RULE).notes)
    assert [expected] == read_calls([event], RULE)
    assert [lake_row(event, RULE)] == lake_rows([event], RULE)
