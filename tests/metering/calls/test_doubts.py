"""Whatever a caller writes, the counted fields of a line are the gateway's own."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from typing import Final

import pytest

from local_cloud.template.document import Stack
from metering.billing_rule import BillingRule
from metering.calls.access_log import read_call, read_event
from metering.calls.call import Call
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.calls.fast_calls import read_calls
from metering.calls.lake_row import lake_row, lake_rows, time_text
from metering.calls.notes import Doubt
from metering.key_id import counted_key
from metering.line_format.absent_number import Absent
from metering.outcome import Outcome
from tests.examples import examples
from tests.factories import NOON_MS

RULE: Final = BillingRule()
STACK: Final = Stack()
FORMATS: Final = {
    "REST": STACK.output("AccessLogFormat"),
    "HTTP": STACK.output("AccessLogFormatHttpApi"),
    "WebSocket": STACK.output("AccessLogFormatWebSocketApi"),
}
HOSTILE_LINES: Final = int(os.environ.get("HOSTILE_LINES", examples(6000)))
"""Of each format. All are 300,000 with HOSTILE_LINES=100000, which takes some minutes."""

_EVENT_ID: Final = "Jp4N8qdN5FLmtDg="
_VALUES: Final = {
    "$context.extendedRequestId": _EVENT_ID,
    "$context.identity.apiKeyId": "d0e96b5f16",
    "$context.authorizer.claims.sub": "d0e96b5f16",
    "$context.httpMethod": "GET",
    "$context.resourcePath": "/orders/{id}",
    "$context.routeKey": "GET /orders/{id}",
    "$context.path": "/orders/17",
    "$context.status": "200",
    "$context.responseLength": "1024",
    "$context.responseLatency": "50",
    "$context.identity.userAgent": "curl/8.4.0",
    "$context.eventType": "MESSAGE",
}
_OF_AN_API: Final = {
    "REST": {
        "$context.requestId": "22b3d89d-f6ea-d1df-e754-75b9266320c2",
        "$context.requestTimeEpoch": str(NOON_MS),
    },
    "HTTP": {"$context.requestId": _EVENT_ID, "$context.requestTimeEpoch": str(NOON_MS // 1000)},
    "WebSocket": {"$context.requestId": _EVENT_ID, "$context.requestTimeEpoch": str(NOON_MS)},
}
_PIECES: Final = (
    *('"', "\\", ",", ":", "{", "}", "[", "]", "x", "\t", "\x00", "\x01", "\x7f", "\x80", "ÿ", "\u2028", "-"),
    *('","', '":"', '{"a":"', '["', '"}', "}\n{", "/*", "//", "\\u0022", "\\ud800", "\ud800", "\\x41", "\\"),
    *('"apiKeyId":"victim"', '"status":"503"', '"extendedRequestId":"OLD"', '"requestTimeEpoch":"1"'),
    *(
        '"responseLength":"0"',
        '"requestLength":"x"',
        '"authorizerKeyId":"victim"',
        '"eventType":"DISCONNECT"',
    ),
    *('x","apiKeyId":"victim', 'x","status":"503', 'x","extendedRequestId":"OLD', 'x","requestTimeEpoch":"1'),
    *(
        '"requestId":"',
        ',"requestId":"',
        ',"extendedRequestId":"',
        ',"apiKeyId":"victim"',
        '"statu\\u0073":503',
    ),
    '","requestId":"x","authorizerKeyId":"victim","requestLength":"1","apiKeyId":"victim',
    '","extendedRequestId":"OLD","apiKeyId":"victim","status":"503","requestTimeEpoch":"1","a":"',
    '","decision":"denied","extendedRequestId":"OLD","status":"403","a":"',
    "客" * 9,
    "a" * 300,
)


def logged(api: str, **texts: str) -> str:
    """A line as the gateway would write it if it escaped nothing. Texts are named as the format's fields."""
    values = _VALUES | _OF_AN_API[api]
    fields = {name: values.get(variable, "-") for name, variable in json.loads(FORMATS[api]).items()} | texts
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items()) + "}"


def event(text: str) -> LogEvent:
    """A log event of noon."""
    return LogEvent("3699", NOON_MS, text.encode("utf-8", "replace").decode())


def honest(key: str = "d0e96b5f16", response_bytes: int | Absent = 1024, latency_ms: int = 50) -> Call:
    """The call that the gateway logged."""
    sizes = (response_bytes, Absent.DASH)
    return Call(_EVENT_ID, event_hash(_EVENT_ID), NOON_MS, key, True, False, *sizes, latency_ms)


HONEST: Final = {
    "REST": honest(),
    "HTTP": honest(),
    "WebSocket": honest(response_bytes=Absent.DASH, latency_ms=0),
}


def hostile_texts(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """What a caller may write for its path and its user agent."""
    generator = random.Random(seed)
    for _ in range(count):
        yield (
            "".join(generator.choices(_PIECES, k=generator.randrange(8))),
            "".join(generator.choices(_PIECES, k=generator.randrange(12))),
        )


@pytest.mark.parametrize("api", FORMATS)
def test_an_honest_line(api: str) -> None:
    """Says what the gateway says, and nothing is noted."""
    assert (HONEST[api], ()) == (
        read_event(event(logged(api)), RULE)[0],
        read_event(event(logged(api)), RULE)[2],
    )


@pytest.mark.parametrize("api", FORMATS)
def test_hostile_texts(api: str) -> None:
    """In every line the counted fields are the gateway's own: for counters and lake, on both paths."""
    expected = HONEST[api]
    for path, agent in hostile_texts(HOSTILE_LINES, seed=len(api)):
        texts = {"userAgent": agent} | ({} if api == "WebSocket" else {"path": path})
        one = event(logged(api, **texts))
        assert [expected] == read_calls([one], RULE), texts
        (row,) = lake_rows([one], RULE)
        found = (row.eventid, row.eventtime, row.apikeyid, row.billable, row.responsesize, row.outcome)
        assert (
            _EVENT_ID,
            time_text(NOON_MS),
            expected.key,
            True,
            expected.response_bytes or 0,
            "metered",
        ) == found
        if len(agent) % 8 == 0:
            assert (expected, row) == (read_call(one, RULE), lake_row(one, RULE))


def test_hostile_tokens() -> None:
    """The text of a token is a key, whatever stands in it, and changes nothing else."""
    expected = HONEST["HTTP"]
    for claim, path in hostile_texts(HOSTILE_LINES // 2, seed=7):
        one = event(logged("HTTP", apiKeyId=claim, path=path))
        call = read_call(one, RULE)
        assert [call] == read_calls([one], RULE), (claim, path)
        assert ("metered" if claim not in {"", "-"} else "unattributed") == call.outcome, (claim, path)
        assert "victim" != call.key
        assert (expected.event_hash, expected.time_ms, expected.response_bytes, expected.is_error) == (
            call.event_hash,
            call.time_ms,
            call.response_bytes,
            call.is_error,
        ), (claim, path)


@pytest.mark.parametrize(
    ("claim", "notes"),
    [
        ('x","apiKeyId":"victim', (Doubt.REPEATED_FIELD,)),
        ('victim","extendedRequestId":"OLD', (Doubt.REPEATED_FIELD,)),
    ],
)
def test_a_token_with_quotes(claim: str, notes: tuple[Doubt, ...]) -> None:
    """Is its own key, and nobody else's: for counters and lake, on both paths."""
    one = event(logged("HTTP", apiKeyId=claim))
    reading = read_event(one, RULE)
    assert (counted_key(claim), notes) == (reading.call.key, reading.notes)
    assert [reading.call] == read_calls([one], RULE)
    assert [lake_row(one, RULE)] == lake_rows([one], RULE)


def test_a_token_with_escaped_quotes() -> None:
    """Is the key that it spells."""
    reading = read_event(event(logged("HTTP", apiKeyId=r"a\u0062\"c")), RULE)
    assert (counted_key('ab"c'), ()) == (reading.call.key, reading.notes)


@pytest.mark.parametrize("key", ["CORP\\alice", "a\tb", "a\\"])
def test_a_key_of_the_authorizer_that_breaks_the_json(key: str) -> None:
    """Is that key all the same. (The authorizer lets nobody in whose key has a quote.)"""
    agent = 'x","requestId":"u","authorizerKeyId":"victim'
    one = event(logged("REST", authorizerKeyId=key, apiKeyId="-", userAgent=agent))
    assert [counted_key(key)] == [call.key for call in read_calls([one], RULE)]


@pytest.mark.parametrize("api", FORMATS)
def test_a_text_that_breaks_the_json(api: str) -> None:
    """Is noted, and kept as it was written."""
    text = logged(api, userAgent="a\tb")
    assert (Doubt.BROKEN_TEXT,) == read_event(event(text), RULE).notes
    (row,) = lake_rows([event(text)], RULE)
    assert (text, "broken_text") == (row.raw, row.reason)


class TestDenied:
    """A call that the quota authorizer denied counts, and is not billed: HTTP APIs give it status 403."""

    @pytest.mark.parametrize("api", FORMATS)
    @pytest.mark.parametrize(
        ("decision", "status", "billable"),
        [
            *(("denied", "403", False), ("denied", "429", False), ("allowed", "429", False)),
            *(("allowed", "403", True), ("-", "403", True), ("denied", "200", True), ("denied", "404", True)),
        ],
    )
    def test_billable(self, api: str, decision: str, status: str, billable: bool) -> None:
        """Denied is what the authorizer says of a call with a status of denials; the lake says so, too."""
        one = event(logged(api, decision=decision, status=status))
        (call,), (row,) = read_calls([one], RULE), lake_rows([one], RULE)
        denied = (decision == "denied" and status in {"403", "429"}) or None
        assert (call, row) == (read_call(one, RULE), lake_row(one, RULE))
        assert (billable, billable, denied) == (call.billable, row.billable, row.denied)

    @pytest.mark.parametrize("api", FORMATS)
    def test_by_the_rule(self, api: str) -> None:
        """Where calls of status 429 are billed, so are those denied with 403."""
        one, rule = event(logged(api, decision="denied", status="403")), BillingRule("5xx")
        assert (True, True) == (read_call(one, rule).billable, read_calls([one], rule)[0].billable)

    @pytest.mark.parametrize("api", FORMATS)
    @pytest.mark.parametrize("has_field", [True, False], ids=["with the field", "without it"])
    @pytest.mark.parametrize(
        "written",
        [
            'x","decision":"denied',
            'x","decision":"denied","extendedRequestId":"OLD',
            'x","requestId":"u","decision":"denied","authorizerKeyId":"y',
            f'x","requestId":"{NOON_MS}","decision":"denied","extendedRequestId":"{NOON_MS}',
        ],
    )
    def test_a_caller_cannot_say_so(self, api: str, has_field: bool, written: str) -> None:
        """Nor in formats without the field, which stages have that were set up before it, nor by a token."""
        texts = {"userAgent": written, "status": "403"} | ({"apiKeyId": written} if api == "HTTP" else {})
        text = logged(api, **texts)
        one = event(text if has_field else text.replace(',"decision":"-"', ""))
        assert has_field == (',"decision":"-"' in one.message)
        assert read_call(one, RULE).billable
        assert [read_call(one, RULE)] == read_calls([one], RULE)
        assert (True, None) == (lake_rows([one], RULE)[0].billable, lake_row(one, RULE).denied)


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
@pytest.mark.parametrize("api", FORMATS)
def test_a_line_that_is_cut_off(api: str, cut: int) -> None:
    """Is malformed: nobody knows what it would have said."""
    assert Outcome.MALFORMED == read_call(event(logged(api)[:-cut]), RULE).outcome


class TestFormerFormat:
    """Stages that have not been given the new format yet: `userAgent` comes last, `path` in the middle."""

    NAMES: Final = (
        *(
            "requestId",
            "extendedRequestId",
            "apiId",
            "stage",
            "apiKeyId",
            "authorizerKeyId",
            "requestTimeEpoch",
        ),
        *(
            "httpMethod",
            "resourcePath",
            "path",
            "status",
            "responseLength",
            "requestLength",
            "responseLatency",
        ),
        *("integrationLatency", "sourceIp", "userAgent"),
    )

    FOLDED: Final = frozenset(
        {
            *("stage", "authorizerKeyId", "httpMethod", "status", "requestLength", "integrationLatency"),
            "userAgent",
        }
    )
    """Fields with which a line of the template began: a stage has a space before them."""

    def logged(self, is_folded: bool = False, /, **texts: str) -> LogEvent:
        """A log event of that format, on one line or folded as the template was."""
        known = {
            name: (_VALUES | _OF_AN_API["REST"]).get(variable, "-")
            for name, variable in json.loads(FORMATS["REST"]).items()
        }
        fields = {name: known[name] for name in self.NAMES} | texts
        written = (
            f'{" " * (is_folded and name in self.FOLDED)}"{name}":"{value}"' for name, value in fields.items()
        )
        return event("{" + ",".join(written) + "}")

    @pytest.mark.parametrize("place", ["path", "userAgent"])
    @pytest.mark.parametrize(
        "written",
        [
            'x","apiKeyId":"victim',
            'x","status":"503',
            'x","extendedRequestId":"OLD',
            f'x","requestTimeEpoch":"{NOON_MS - 86_399_000}',
            'x","responseLength":"0',
            r'x","statu\u0073":"503',
        ],
    )
    def test_a_repeated_field(self, place: str, written: str) -> None:
        """Nothing that a caller gains by is believed, and it is noted."""
        one = self.logged(**{place: written})
        reading = read_event(one, RULE)
        assert (honest(), (Doubt.REPEATED_FIELD,)) == (reading.call, reading.notes)
        assert [honest()] == read_calls([one], RULE)
        assert [lake_row(one, RULE)] == lake_rows([one], RULE)

    @pytest.mark.parametrize("place", ["path", "userAgent"])
    @pytest.mark.parametrize(
        "written", ['x"y', "x\ty", "x\x01", "x\\", "\\ud800", 'x\t","status":"503', "[" * 20_000]
    )
    @pytest.mark.parametrize("is_folded", [False, True])
    def test_a_text_that_breaks_the_json(self, place: str, written: str, is_folded: bool) -> None:
        """Does not make the call free."""
        one = self.logged(is_folded, **{place: written})
        assert [honest()] == read_calls([one], RULE) == [read_call(one, RULE)]

    def test_an_honest_line(self) -> None:
        """Says what the gateway says, and nothing is noted."""
        reading = read_event(self.logged(), RULE)
        assert (honest(), ()) == (reading.call, reading.notes)

    @pytest.mark.parametrize("cut", [1, 2, 5, 40])
    def test_a_line_that_is_cut_off(self, cut: int) -> None:
        """Is malformed."""
        assert Outcome.MALFORMED == read_call(event(self.logged().message[:-cut]), RULE).outcome


def test_a_format_of_ones_own() -> None:
    """Without a field before the callers' texts, the status that is billed and the largest amounts count."""
    text = (
        '{"path":"x","status":"503","responseLength":"9","path":"","stage":"-","apiKeyId":"a",'
        '"status":"200","responseLength":"10"}'
    ).replace('{"path"', '{"stage":"-","path"')
    call = read_call(event(text), RULE)
    assert ("a", True, 10) == (call.key, call.billable, call.response_bytes)
