"""Rows of the lake: they hold what is counted, describe the call, and fit the table of the template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cloud.firehose.json_rows import RowReader
from local_cloud.glue import columns_of
from local_cloud.template.document import Stack
from metering.billing_rule import BillingRule
from metering.calls.access_log import MAX_CLOCK_DIFFERENCE_MS, read_call
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.calls.lake_row import COLUMNS, LakeRow, encode_rows, lake_row, lake_rows, time_text
from metering.line_format.absent_number import Absent
from metering.period import LATEST_MS
from tests.factories import KEY, NOON_MS, line

RULE = BillingRule()
TABLE = Stack().resource("LakeTable")["TableInput"]

ABSENT = st.sampled_from(["-", "", None])
NUMBERS = st.one_of(
    ABSENT,
    st.integers(-2, 700),
    st.sampled_from(
        [2**40, 2**40 + 1, 10**30, 1.0, 1.5, True, [], "1e3", "0x1", " 1", "null", "7.0", "seven"]
    ),
    st.integers(-2, 700).map(str),
)
TIMES = st.one_of(
    ABSENT,
    st.integers(NOON_MS - 2 * MAX_CLOCK_DIFFERENCE_MS, NOON_MS + 2 * MAX_CLOCK_DIFFERENCE_MS).map(str),
    st.sampled_from([NOON_MS, NOON_MS - MAX_CLOCK_DIFFERENCE_MS, NOON_MS + MAX_CLOCK_DIFFERENCE_MS + 1, -1]),
)
TEXTS = st.one_of(
    ABSENT,
    st.text(max_size=20),
    st.sampled_from(
        ["/", "é", "a" * 300, "!malformed", "\ud800", "a\nb", 17, 2.5, True, ["a"], {"b": None}, 10**400]
    ),
)
TEXT_FIELDS = (
    *("requestId", "extendedRequestId", "apiId", "stage", "apiKeyId", "authorizerKeyId", "httpMethod"),
    *("resourcePath", "routeKey", "path", "sourceIp", "userAgent", "integrationLatency", "eventid"),
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.one_of(st.sampled_from(["200", "429", "503", 200, 99, "600"]), NUMBERS),
        "requestTimeEpoch": TIMES,
        **dict.fromkeys(("responseLength", "requestLength", "responseLatency"), NUMBERS),
        **dict.fromkeys(
            TEXT_FIELDS,
            TEXTS,
        ),
    },
)
MESSAGES = st.one_of(
    LINES.map(lambda fields: line(**fields)),
    LINES.map(lambda fields: line(**fields).replace("\\ud800", "\ud800")),
    LINES.map(lambda fields: line(**fields)[:-1]),
    st.sampled_from(
        ["", "null", "[]", "17", "-", '{"status":"200"}', '{"status":"200"}{"status":"200"}', "[" * 9999]
    ),
    st.text(max_size=50),
)
EVENTS = st.builds(
    LogEvent,
    st.one_of(st.text(min_size=1, max_size=60), st.just("3" * 56)),
    st.sampled_from([NOON_MS, 0, LATEST_MS]),
    MESSAGES,
)


def event(message: str | None = None, /, **fields: object) -> LogEvent:
    """The log event of a line."""
    return LogEvent("3" * 56, NOON_MS, line(**fields) if message is None else message)


def described(row: LakeRow) -> dict[str, Any]:
    """The fields of a row as its JSON has them."""
    fields: dict[str, Any] = json.loads(encode_rows([row]))
    return fields


class TestColumns:
    def test_table(self) -> None:
        """A row has the columns of the template's table, and no others."""
        assert {column["Name"] for column in TABLE["StorageDescriptor"]["Columns"]} == set(COLUMNS)

    @given(EVENTS)
    def test_types(self, log_event: LogEvent) -> None:
        """Every row fits the types of the table, and comes out of the conversion as it went in."""
        reader = RowReader(columns_of(TABLE))
        row = lake_row(log_event, RULE)
        (converted,) = reader.read(encode_rows([row]))
        found = dict(zip((column.name for column in reader.columns), converted, strict=True))
        expected: dict[str, Any] = {name: getattr(row, name) for name in COLUMNS}
        expected["eventtime"] = datetime.fromisoformat(row.eventtime)
        assert expected == found


class TestRow:
    def test_metered(self) -> None:
        """The row of a call with a key."""
        assert {
            "eventid": "8af5e02dd7f1509=",
            "eventhash": event_hash("8af5e02dd7f1509="),
            "eventtime": "2026-10-31 12:00:00.000",
            "apikeyid": KEY,
            "outcome": "metered",
            "billable": True,
            "status": 200,
            "requestsize": 0,
            "requestsizeknown": False,
            "responsesize": 1024,
            "responsesizeknown": True,
            "responselatency": 50,
            "requestid": "22b3d89d-f6ea-d1df-e754-75b9266320c2",
            "apiid": "a1b2c3d4e5",
            "stage": "prod",
            "httpmethod": "GET",
            "resourcepath": "/orders/{id}",
            "path": "/orders/17",
            "sourceip": "192.0.2.1",
            "useragent": "curl/8.4.0",
        } == described(lake_row(event(), RULE))

    def test_unattributed(self) -> None:
        """A call without a key is under the reserved key that it is counted under, and not billed."""
        row = lake_row(event(apiKeyId="-"), RULE)
        assert ("-", "unattributed", False) == (row.apikeyid, row.outcome, row.billable)

    def test_authorizer(self) -> None:
        """A call that the authorizer denied is under the key that the authorizer saw."""
        row = lake_row(event(apiKeyId="-", authorizerKeyId="k7", status="429"), RULE)
        assert ("k7", "metered", False) == (row.apikeyid, row.outcome, row.billable)

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ("Method completed with status: 200", "no_json: no JSON: JSON is malformed"),
            ("", "no_json: no JSON: "),
            (line(status="-"), "no_status: it has no status"),
            (line()[:-9], "no_json: no JSON: "),
            (
                line(requestTimeEpoch="0"),
                "far_time: the call's time 0 is more than 24 h from its log event's",
            ),
        ],
    )
    def test_malformed(self, message: str, reason: str) -> None:
        """A malformed line is kept as it is, at the time at which it was logged, with the reason."""
        row = described(lake_row(event(message), RULE))
        assert row.pop("reason").startswith(reason)
        assert {
            "eventid": "3" * 56,
            "eventhash": event_hash("3" * 56),
            "eventtime": "2026-10-31 12:00:00.000",
            "apikeyid": "!malformed",
            "outcome": "malformed",
            "billable": False,
            "requestsize": 0,
            "responsesize": 0,
            "raw": message,
        } == row

    @pytest.mark.parametrize(
        ("fields", "reason", "has_raw"),
        [
            ({"userAgent": 'x","apiKeyId":"victim'}, "repeated_field", True),
            ({"requestLength": "chunked"}, "unreadable_value", False),
            ({}, None, False),
        ],
    )
    def test_noted(self, fields: Mapping[str, str], reason: str | None, has_raw: bool) -> None:
        """What is noted of a call is there, and of a suspect one the whole line."""
        message = line(**fields).replace("\\", "")
        row = lake_row(event(message), RULE)
        assert (KEY, "metered", reason) == (row.apikeyid, row.outcome, row.reason)
        assert (message if has_raw else None) == row.raw

    def test_long_texts(self) -> None:
        """Texts that callers choose are cut, and say so; a message that is to be read again, much later."""
        row = lake_row(event(userAgent="a" * 600 + "b" * 9000, path="/" * 1024), RULE)
        assert ("/" * 1024, 1024) == (row.path, len(row.useragent or ""))
        assert re.fullmatch(r"a{503}…\[9600 characters\]…b{502}", row.useragent or "")
        assert 16_384 == len(lake_row(event("x" * 20_000), RULE).raw or "")
        assert "x" * 16_000 == lake_row(event("x" * 16_000), RULE).raw

    def test_surrogates(self) -> None:
        """What UTF-8 cannot hold becomes question marks, in the id as in its hash."""
        row = lake_row(LogEvent("a\ud800", NOON_MS, "b\udfff"), RULE)
        assert ("a?", event_hash("a?"), "b?") == (row.eventid, row.eventhash, row.raw)

    def test_http_api(self) -> None:
        """An HTTP API names the route `routeKey`."""
        row = lake_row(event(resourcePath=None, routeKey="GET /orders/{id}"), RULE)
        assert "GET /orders/{id}" == row.resourcepath

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("-", None),
            ("", None),
            (17, "17"),
            (True, "true"),
            (["é", {"a": None}], r'["\u00e9", {"a": null}]'),
            ("/", "/"),
        ],
    )
    def test_description(self, value: object, expected: str | None) -> None:
        """A field that describes the call is kept, whatever its type: what is no text, as its JSON."""
        assert expected == lake_row(event(path=value), RULE).path

    @pytest.mark.parametrize("number", ["1e999", "1" + "0" * 5000])
    def test_unreadable_description(self, number: str) -> None:
        """A call counts although its description is a number that nothing can hold."""
        message = line(userAgent=0).replace('"userAgent": 0', f'"userAgent": {number}')
        row = lake_row(event(message), RULE)
        assert (KEY, 200, "/orders/17", None) == (row.apikeyid, row.status, row.path, row.raw)
        assert (row.useragent or "").startswith(number[:500])

    def test_time(self) -> None:
        """Times are written in UTC to the millisecond, from the first to the last."""
        assert "1970-01-01 00:00:00.000" == time_text(0)
        assert "2026-10-31 23:59:59.007" == time_text(NOON_MS + 43_199_007)
        assert "9998-12-31 23:59:59.999" == time_text(LATEST_MS)


class TestAgreement:
    @given(EVENTS)
    def test_counted(self, log_event: LogEvent) -> None:
        """Whatever a log event holds, its row says of it what the counters say."""
        call, row = read_call(log_event, RULE), lake_row(log_event, RULE)
        moment = datetime.fromisoformat(row.eventtime).replace(tzinfo=UTC)
        assert (call.key, call.outcome, call.billable, call.event_hash) == (
            row.apikeyid,
            row.outcome,
            row.billable,
            row.eventhash,
        )
        assert (event_hash(row.eventid), call.time_ms) == (row.eventhash, round(moment.timestamp() * 1000))
        assert (call.request_bytes is Absent.DASH, call.response_bytes is Absent.DASH) == (
            row.requestsizeknown is False,
            row.responsesizeknown is False,
        )
        assert (call.request_bytes or 0, call.response_bytes or 0, call.latency_ms) == (
            row.requestsize or 0,
            row.responsesize or 0,
            row.responselatency or 0,
        )
        assert call.is_error == ((row.status or 0) >= 400)

    @given(st.lists(EVENTS, max_size=5), st.sampled_from(["429,5xx", "", "2xx"]))
    def test_fast_path(self, log_events: list[LogEvent], not_billable: str) -> None:
        """The fast path gives what the clear one gives, line by line."""
        rule = BillingRule(not_billable)
        assert [lake_row(one, rule) for one in log_events] == lake_rows(log_events, rule)

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"requestLength": "17", "responseLength": "-", "responseLatency": "-", "status": "429"},
            {"authorizerKeyId": "-", "requestTimeEpoch": str(NOON_MS + 999)},
            {"resourcePath": None, "routeKey": "$default", "extendedRequestId": "Zm9vYmFy+/="},
        ],
    )
    def test_usual_lines(self, fields: Mapping[str, str | None], monkeypatch: pytest.MonkeyPatch) -> None:
        """The lines that API Gateway writes are read by the fast path."""
        expected = lake_row(event(**fields), RULE)
        monkeypatch.setattr("metering.calls.lake_row.lake_row", lambda *_: pytest.fail("not a usual line"))
        assert [expected] == lake_rows([event(**fields)], RULE)

    def test_seconds(self) -> None:
        """Calls of a delivery may be of any seconds, in any order."""
        events = [
            event(requestTimeEpoch=str(NOON_MS + offset)) for offset in (1500, 2, 999, 1000, 1999, 0, -1)
        ]
        assert [lake_row(one, RULE) for one in events] == lake_rows(events, RULE)


class TestEncoding:
    def test_lines(self) -> None:
        """Each row is a JSON object on a line of its own, the last one ended too."""
        rows = lake_rows([event(), event("a\nb"), event(apiKeyId="-")], RULE)
        content = encode_rows(rows)
        assert content.endswith(b"}\n")
        assert rows == [msgspec.json.decode(row, type=LakeRow) for row in content.splitlines()]

    def test_nothing(self) -> None:
        """No rows, no bytes."""
        assert b"" == encode_rows([])
