"""A sample of lines by kind: each that people have is recognised, counts as in the meter, and has a mend."""

from __future__ import annotations

import json

import pytest

from metering.billing_rule import BillingRule
from metering.calls.line_sample import DOUBTED, MALFORMED, Counts, LineGroup, SampledLine, groups_of
from metering.calls.notes import Doubt, Reason
from metering.line_format.field_map import parse_field_map

NOW_MS = 1_793_800_000_000
CALL_MS = 1_793_700_000_000
FIELDS = {
    "requestId": "3f1c1a52-0000-4000-8000-000000000000",
    "extendedRequestId": "Fkb1aaaaaaaaaaa=",
    "apiKeyId": "key0aaaaaa",
    "authorizerKeyId": "-",
    "requestTimeEpoch": str(CALL_MS),
    "path": "/prod/x",
    "status": "200",
    "responseLength": "47",
    "requestLength": "-",
    "responseLatency": "12",
    "userAgent": "curl/8",
}
"""The format that the stack put out before, as stages still log it."""


def line(**fields: str | None) -> str:
    """A line with other fields; None leaves one out."""
    changed = {**FIELDS, **fields}
    return json.dumps(
        {name: value for name, value in changed.items() if value is not None}, separators=(",", ":")
    )


def group_of(text: str, logged_at_ms: int | None = None, rule: BillingRule | None = None) -> LineGroup:
    """The one group of a sample of one line."""
    (group,) = groups_of([SampledLine(text, logged_at_ms)], rule or BillingRule(), NOW_MS)
    return group


HTTP_DEFAULT = (
    '{"requestId":"AbCdEfGhIjKlMnO=","ip":"192.0.2.1","requestTime":"03/Nov/2026:10:00:01 +0000",'
    '"httpMethod":"GET","routeKey":"GET /","status":"200","protocol":"HTTP/1.1","responseLength":"47140"}'
)
CLF = (
    '192.0.2.1 - - [03/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 200 47 3f1c1a52-0000-4000-8000-000000000001'
)
CSV = "3f1c1a52-0000-4000-8000-000000000005,192.0.2.1,-,-,03/Nov/2026:10:00:07 +0000,GET,/x,200,HTTP/1.1,47"
XML = '<request id="3f1c1a52-0000-4000-8000-000000000004"><status>200</status></request>'
TAIL = "2026-11-03T10:00:04.000000+00:00 a5d703ebd7d8d93ca5b4ca2cc0ef3d8a "


@pytest.mark.parametrize(
    ("text", "name", "counts", "mend"),
    [
        (line(), "counted", Counts.FULLY, ""),
        (line(requestTimeEpoch="1793700000"), "counted", Counts.FULLY, ""),
        (line(apiKeyId="-"), "no_key", Counts.FULLY, "authorizer"),
        (line(extendedRequestId=None), "no_own_id", Counts.FULLY, "format"),
        (line(requestLength="chunked"), "unreadable_value", Counts.FULLY, "format"),
        (line(userAgent="?").replace("?", 'x"y'), "broken_text", Counts.FULLY, "stack puts out"),
        (line(z="").replace('"z"', '"status":"500","z"'), "repeated_field", Counts.FULLY, "texts first"),
        (HTTP_DEFAULT, "no_key_field", Counts.FOR_NOBODY, "--fields apiKeyId=NAME"),
        (CLF, "common_log_format", Counts.NOT, "format to JSON"),
        (CSV, "csv", Counts.NOT, "format to JSON"),
        (XML, "xml", Counts.NOT, "format to JSON"),
        (TAIL + line(), "prefixed", Counts.NOT, "sed "),
        ("garbage", "no_json", Counts.NOT, "quotes every value"),
        ("[1]", "no_object", Counts.NOT, "format to JSON"),
        (line(status=None), "no_status", Counts.NOT, "--fields status=NAME"),
        (line(status="0"), "bad_status", Counts.NOT, "$context.status"),
        (line(requestTimeEpoch="soon"), "bad_time", Counts.NOT, "$context.requestTimeEpoch"),
        (
            "(3f1c1a52-0000-4000-8000-000000000000) Method request headers: {Accept=*/*}",
            "execution_log",
            Counts.NOT,
            "access log",
        ),
    ],
)
def test_each_kind(text: str, name: str, counts: Counts, mend: str) -> None:
    """What it is, whether it counts, and what helps; the example is the line itself."""
    group = group_of(text)
    assert (name, counts, 1, text) == (group.kind.name, group.kind.counts, 1, group.example)
    assert mend in group.kind.mend
    assert counts is Counts.FULLY or group.kind.mend


def test_every_reason_and_doubt_is_a_kind() -> None:
    """A new one has to say what helps."""
    assert [*Reason] == list(MALFORMED)
    assert [*Doubt] == list(DOUBTED)
    assert all(note == kind.name and kind.mend for note, kind in (MALFORMED | DOUBTED).items())


def test_reason_with_the_value() -> None:
    """The explanation names what is wrong with the example."""
    assert 'status is "700", none from 100 to 599' == group_of(line(status="700")).explanation
    assert "and the line after that prefix would count" == group_of(TAIL + line()).explanation
    assert "would not count either: it has no status" in group_of(TAIL + line(status=None)).explanation


def test_time_of_logging() -> None:
    """Where it is known, it bounds the call's own time; else that is believed."""
    assert "counted" == group_of(line()).kind.name
    assert "far_time" == group_of(line(), CALL_MS + 2 * 86_400_000).kind.name
    assert "far_time" == group_of(line(requestTimeEpoch="17937000000000")).kind.name


def test_a_field_map_is_heeded() -> None:
    """As the stack's parameter names fields."""
    text = line(status=None, apiKeyId=None, authorizerKeyId=None, code="200", customer="acme")
    rule = BillingRule(fields=parse_field_map("status=code,apiKeyId=customer"))
    assert "no_status" == group_of(text).kind.name
    assert "counted" == group_of(text, rule=rule).kind.name


def test_groups() -> None:
    """What is not counted comes first, then what counts for nobody, then the rest by size; a call that comes
    again is kept apart.
    """
    texts = [line(), line(), line(), line(extendedRequestId="Z="), CLF, CSV, CSV, HTTP_DEFAULT]
    groups = groups_of(map(SampledLine, texts), BillingRule(), NOW_MS)
    expected = [
        ("csv", 2),
        ("common_log_format", 1),
        ("no_key_field", 1),
        ("counted", 2),
        ("repeated", 2),
    ]
    assert expected == [(group.kind.name, group.count) for group in groups]
