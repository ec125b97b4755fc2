"""The access-log line, and the call that it describes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.billing_rule import BillingRule
from metering.calls.access_log import call_of, read_call, read_event, read_line
from metering.calls.call import malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.calls.notes import Doubt, Reason
from metering.errors import Malformed
from metering.key_id import counted_key
from metering.line_format.field_map import parse_field_map
from metering.outcome import Outcome
from tests.examples import examples
from tests.factories import KEY, NOON_MS, line
from tests.metering.calls.reference_line import reference_call

RULE = BillingRule()
DAY_MS = 86_400_000

NUMBERS = ("status", "responseLength", "requestLength", "responseLatency", "requestTimeEpoch")
AMOUNTS = ("responseLength", "requestLength", "responseLatency")
TEXTS = ("extendedRequestId", "apiKeyId", "authorizerKeyId")
DESCRIBING = (
    "requestId",
    "apiId",
    "stage",
    "httpMethod",
    "resourcePath",
    "routeKey",
    "path",
    "sourceIp",
    "userAgent",
)


def event(message: str, timestamp: int = NOON_MS) -> LogEvent:
    """A log event of noon."""
    return LogEvent("3699", timestamp, message)


def read(**fields: object) -> Any:
    """The call of a line with these fields."""
    return read_call(event(line(**fields)), RULE)


class TestRead:
    def test_a_call(self) -> None:
        """Every field of a line as API Gateway writes it."""
        call = read(requestLength="17")
        assert ("8af5e02dd7f1509=", KEY, NOON_MS) == (call.event_id, call.key, call.time_ms)
        assert event_hash("8af5e02dd7f1509=") == call.event_hash
        assert (1024, 17, 50) == (call.response_bytes, call.request_bytes, call.latency_ms)
        assert (Outcome.METERED, True, False) == (call.outcome, call.billable, call.is_error)

    @pytest.mark.parametrize(
        ("status", "billable", "is_error"),
        [
            ("200", True, False),
            ("399", True, False),
            ("400", True, True),
            ("429", False, True),
            ("500", False, True),
        ],
    )
    def test_status(self, status: str, billable: bool, is_error: bool) -> None:
        """From 400 on it is an error; the rule says what is billed."""
        call = read(status=status)
        assert (billable, is_error) == (call.billable, call.is_error)

    def test_the_rule_decides(self) -> None:
        """Another rule, other calls that are billed."""
        assert not read_call(event(line(status="404")), BillingRule("4xx")).billable
        assert read_call(event(line(status="503")), BillingRule("4xx")).billable

    @pytest.mark.parametrize("absent", ["-", "", None])
    def test_without_a_key(self, absent: str | None) -> None:
        """Unattributed: counted, an error or not, never billed."""
        call = read(apiKeyId=absent, status="403")
        assert ("-", Outcome.UNATTRIBUTED, False, True) == (
            call.key,
            call.outcome,
            call.billable,
            call.is_error,
        )

    @pytest.mark.parametrize("absent", ["-", "", None])
    def test_a_denied_call_is_the_authorizers_keys(self, absent: str | None) -> None:
        """The authorizer runs before API Gateway looks at the key."""
        assert "denied" == read(apiKeyId=absent, authorizerKeyId="denied").key

    def test_the_api_key_comes_first(self) -> None:
        """Where API Gateway and the authorizer name one each."""
        assert KEY == read(authorizerKeyId="another").key

    @pytest.mark.parametrize("absent", ["-", "", None])
    def test_without_an_extended_id(self, absent: str | None) -> None:
        """The log event's own id identifies the call."""
        call = read(extendedRequestId=absent)
        assert ("3699", event_hash("3699")) == (call.event_id, call.event_hash)

    @pytest.mark.parametrize("absent", ["-", "", None, "null"])
    @pytest.mark.parametrize("name", ["responseLength", "requestLength", "responseLatency"])
    def test_an_absent_amount_is_none(self, name: str, absent: str | None) -> None:
        """API Gateway writes `-`: the call counts, with nothing for it, and a size as not known."""
        totals = {"responseLength": "response_bytes", "requestLength": "request_bytes"}
        usage = read(**{"requestLength": "17", name: absent}).usage
        assert 0 == getattr(usage, totals.get(name, "latency_ms"))
        expected = (int(name == "responseLength"), int(name == "requestLength"))
        assert expected == (usage.unknown_response_sizes, usage.unknown_request_sizes)

    @pytest.mark.parametrize("absent", ["-", "", None])
    def test_without_a_time(self, absent: str | None) -> None:
        """It is counted at the time of logging."""
        assert NOON_MS == read(requestTimeEpoch=absent).time_ms

    @pytest.mark.parametrize("written", ["200", 200, "2e2", 200.0, "200.0"])
    def test_a_number_may_be_quoted_or_not(self, written: object) -> None:
        """And written in any way in which JSON writes an integer."""
        assert Outcome.METERED == read(status=written).outcome

    def test_a_line_of_an_http_api(self) -> None:
        """It has `routeKey` in place of `resourcePath`, and fields that are not known are ignored."""
        call = read(
            resourcePath=None, routeKey="GET /orders/{id}", dataProcessed="17", nested={"a": [1, None]}
        )
        assert Outcome.METERED == call.outcome

    def test_a_field_that_comes_twice(self) -> None:
        """The last counts."""
        assert "b" == read_call(event('{"status":"200","apiKeyId":"a","apiKeyId":"b"}'), RULE).key

    def test_a_forged_request_id_changes_nothing(self) -> None:
        """The caller can choose it: it never identifies a call."""
        one, another = read(requestId="A", extendedRequestId="1"), read(requestId="A", extendedRequestId="2")
        assert one.event_hash != another.event_hash
        assert read(requestId="A") == read(requestId="B")


class TestMalformed:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "-",
            "plain text",
            "null",
            "true",
            "17",
            '"text"',
            "[]",
            f"[{line()}]",
            line()[:-1],
            line() + "x",
            line() + line(),
            line() + "\x00",
            "\x00",
            "\ufeff" + line(),
            line(userAgent="a").replace('"a"', '"\x00"'),
            line(userAgent="a").replace('"a"', '"a\tb"'),
            line(userAgent="a").replace('"a"', '"a"b"'),
            line(userAgent="a").replace('"a"', r'"\ud800"'),
            line(apiKeyId="a").replace('"a"', r'"\ud800"'),
            line(userAgent="a").replace('"a"', '"\ud800"'),
            line(userAgent="a").replace('"a"', "NaN"),
            "[" * 10_000 + "]" * 10_000,
            '{"status":"200","a":' + "[" * 10_000 + "]" * 10_000 + "}",
            '{"a":' * 10_000 + "1" + "}" * 10_000,
            '{"status":"200","a":' + "[" * 10_000,
            "{}",
            '{"STATUS":"200"}',
        ],
        ids=lambda text: ascii(text[:20]) + f" {len(text)}",
    )
    def test_no_access_log_line(self, text: str) -> None:
        """No JSON object, or one without a status."""
        assert malformed("3699", NOON_MS) == read_call(event(text), RULE)
        with pytest.raises(Malformed):
            read_line(text)

    @pytest.mark.parametrize(
        "status", [None, "-", "", "0", "99", "600", "2000", "200.5", True, [], {}, "OK", "null"]
    )
    def test_no_status(self, status: object) -> None:
        """A call has one, from 100 to 599."""
        assert Outcome.MALFORMED == read(status=status).outcome

    @pytest.mark.parametrize("name", ["status", "requestTimeEpoch"])
    @pytest.mark.parametrize(
        "written",
        [
            "-1",
            "-200",
            "1.5",
            "9" * 400,
            "1e309",
            "-1e309",
            "NaN",
            "Infinity",
            "1_0",
            "0x10",
            "+5",
            " 5",
            "05",
            "٥",
        ],
    )
    def test_absurd_numbers(self, name: str, written: str) -> None:
        """Negative, fractional, endless, or none: quoted."""
        assert Outcome.MALFORMED == read(**{name: written}).outcome

    @pytest.mark.parametrize("name", ["status", "requestTimeEpoch"])
    @pytest.mark.parametrize(
        "written",
        [
            "-1",
            "1.5",
            "9" * 400,
            "9" * 5000,
            "1e309",
            "NaN",
            "-Infinity",
            "true",
            "[]",
            "{}",
            "05",
            "+5",
        ],
    )
    def test_absurd_bare_numbers(self, name: str, written: str) -> None:
        """The same without quotes."""
        text = line(**{name: "instead"}).replace('"instead"', written)
        assert Outcome.MALFORMED == read_call(event(text), RULE).outcome

    @pytest.mark.parametrize("name", AMOUNTS)
    @pytest.mark.parametrize(
        "written",
        ["-1", "1.5", "chunked", "5, 5", "9" * 400, "1e309", "NaN", "0x10", "+5", " 5", "٥", True, []],
    )
    def test_an_amount_that_cannot_be_read(self, name: str, written: object) -> None:
        """Is absent, which is noted; the call counts."""
        reading = read_event(event(line(**{name: written})), RULE)
        assert (KEY, (Doubt.UNREADABLE_VALUE,)) == (reading.call.key, reading.notes)
        assert read_call(event(line(**{name: None})), RULE) == reading.call

    @pytest.mark.parametrize("name", AMOUNTS)
    def test_zeros_before_an_amount(self, name: str) -> None:
        """`Content-Length: 05` is legal, and says 5."""
        assert read(**{name: "5"}) == read(**{name: "05"}) == read(**{name: "0000000000005"})

    @pytest.mark.parametrize("written", ["-", " -\t"])
    def test_a_bare_dash(self, written: str) -> None:
        """Stands for an absent number in a format without quotes: it is no JSON, and counts."""
        call = read_call(event(line(responseLatency="instead").replace('"instead"', written)), RULE)
        assert (Outcome.METERED, 0) == (call.outcome, call.latency_ms)

    @pytest.mark.parametrize(
        ("name", "highest"),
        [("responseLength", 2**40), ("requestLength", 2**40), ("responseLatency", DAY_MS)],
    )
    def test_bounds(self, name: str, highest: int) -> None:
        """1 TiB, and a day."""
        assert () == read_event(event(line(**{name: str(highest)})), RULE).notes
        assert (Doubt.UNREADABLE_VALUE,) == read_event(event(line(**{name: str(highest + 1)})), RULE).notes

    @pytest.mark.parametrize("name", ["apiKeyId", "authorizerKeyId"])
    @pytest.mark.parametrize("key", ["k" * 1023, "a\nb", "\x00", "a\u2028b", "!malformed", "!"])
    def test_a_key_that_cannot_stand_as_it_is(self, name: str, key: str) -> None:
        """Counts under a name that follows from it."""
        call = read(**{"apiKeyId": "-", name: key})
        assert (counted_key(key), Outcome.METERED, True) == (call.key, call.outcome, call.billable)

    @pytest.mark.parametrize(("key", "expected"), [(17, "17"), (True, "true"), (["a"], '["a"]')])
    def test_a_key_that_is_no_text(self, key: object, expected: str) -> None:
        """An authorizer's numbers may come without quotes."""
        assert expected == read(apiKeyId=key).key.partition("~")[0]

    @pytest.mark.parametrize(
        "key", ["k" * 1022, "客" * 341, "a b", "ключ", "\U0001f511", "a!", "--", "#", "key:2026-11#0", " "]
    )
    def test_unusual_keys(self, key: str) -> None:
        """An authorizer's key may be any other text."""
        assert (key, Outcome.METERED) == (read(apiKeyId=key).key, read(apiKeyId=key).outcome)

    @pytest.mark.parametrize("apart_ms", [-DAY_MS, -1000, 0, 1000, DAY_MS])
    def test_seconds(self, apart_ms: int) -> None:
        """HTTP APIs write the time in seconds."""
        assert NOON_MS + apart_ms == read(requestTimeEpoch=str((NOON_MS + apart_ms) // 1000)).time_ms

    @pytest.mark.parametrize("absent", ["-", None])
    def test_the_time_in_words(self, absent: str | None) -> None:
        """Counts where there is no other."""
        written = "31/Oct/2026:13:59:58 +0200"
        assert NOON_MS - 2000 == read(requestTimeEpoch=absent, requestTime=written).time_ms
        assert NOON_MS == read(requestTime=written).time_ms

    def test_a_time_in_words_that_is_none(self) -> None:
        """Makes a line malformed where it is needed."""
        reading = read_event(event(line(requestTimeEpoch=None, requestTime="yesterday")), RULE)
        assert (Reason.BAD_TIME,) == reading.notes
        assert "requestTime is 'yesterday', no time" == reading.explanation

    @pytest.mark.parametrize(
        ("event_type", "status", "expected"),
        [
            ("CONNECT", "200", (Outcome.METERED, True, False)),
            ("CONNECT", "500", (Outcome.METERED, False, True)),
            ("MESSAGE", "-", (Outcome.METERED, True, False)),
            ("DISCONNECT", "-", (Outcome.METERED, False, False)),
            ("DISCONNECT", "200", (Outcome.METERED, True, False)),
            ("OTHER", "-", (Outcome.MALFORMED, False, False)),
        ],
    )
    def test_a_line_of_a_websocket_api(
        self, event_type: str, status: str, expected: tuple[Outcome, bool, bool]
    ) -> None:
        """It may have no status; a connection that ends without one is counted and not billed."""
        call = read(eventType=event_type, status=status)
        assert expected == (call.outcome, call.billable, call.is_error)

    def test_an_event_type_does_not_make_a_call_free(self) -> None:
        """Whoever writes one into a line: where there is a status, the status counts."""
        assert read() == read(eventType="DISCONNECT")

    @pytest.mark.parametrize("apart_ms", [-DAY_MS, -1, 0, 1, DAY_MS])
    def test_a_time_within_a_day_of_logging(self, apart_ms: int) -> None:
        """Counts at its own time."""
        assert NOON_MS + apart_ms == read(requestTimeEpoch=str(NOON_MS + apart_ms)).time_ms

    @pytest.mark.parametrize(
        "time_ms",
        [
            0,
            NOON_MS // 1000 - 86_401,
            NOON_MS - DAY_MS - 1,
            NOON_MS + DAY_MS + 1,
            NOON_MS * 1000,
            253_370_764_800_000,
        ],
        ids=["1970", "seconds, a day before", "a day before", "a day after", "microseconds", "9999"],
    )
    def test_a_time_more_than_a_day_from_logging(self, time_ms: int) -> None:
        """Is counted as malformed, at the time of logging."""
        assert malformed("3699", NOON_MS) == read(requestTimeEpoch=str(time_ms))

    @pytest.mark.parametrize(("logged_ms", "time_ms"), [(0, -1), (253_370_764_799_999, 253_370_764_800_000)])
    def test_a_time_without_a_period(self, logged_ms: int, time_ms: int) -> None:
        """Before 1970, or in a year whose end cannot be written: even next to its log event."""
        call = read_call(event(line(requestTimeEpoch=str(time_ms)), logged_ms), RULE)
        assert malformed("3699", logged_ms) == call

    def test_the_reason_names_value_and_place(self) -> None:
        """For whoever looks at a line that was refused."""
        with pytest.raises(Malformed, match="it has no status"):
            read_line("{}")
        with pytest.raises(Malformed, match='status is "OK", none from 100 to 599'):
            read_line(line(status="OK"))
        with pytest.raises(Malformed, match=r'requestTimeEpoch is "noon", no time'):
            read_line(line(requestTimeEpoch="noon"))
        with pytest.raises(Malformed, match=f"time 0 is more than 24 h from its log event's {NOON_MS}"):
            call_of(event(""), read_line(line(requestTimeEpoch="0")), RULE)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ('192.0.2.1 - - [03/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200', Reason.COMMON_LOG_FORMAT),
            ('<request id="3f"><status>200</status></request>', Reason.XML),
            ("3f1c1a52,192.0.2.1,-,-,03/Nov/2026:10:00:07 +0000,GET,/x,200,HTTP/1.1,47", Reason.CSV),
            (f"2026-11-03T10:00:00.000Z {line()}", Reason.PREFIXED),
            (f"2026-11-03T10:00:04.000000+00:00 a5d703ebd7d8 {line()}", Reason.PREFIXED),
            ("plain text", Reason.NO_JSON),
            (line()[:-1], Reason.NO_JSON),
            ("[]", Reason.NO_OBJECT),
            ("{}", Reason.NO_STATUS),
            (line(status="-"), Reason.NO_STATUS),
            (line(status="OK"), Reason.BAD_STATUS),
            (line(requestTimeEpoch="noon"), Reason.BAD_TIME),
            (line(requestTimeEpoch="0"), Reason.FAR_TIME),
        ],
        ids=lambda value: ascii(value)[:30],
    )
    def test_the_kind_of_reason(self, text: str, reason: Reason) -> None:
        """One of a few, for a metric."""
        reading = read_event(event(text), RULE)
        assert (malformed("3699", NOON_MS), None, (reason,)) == reading[:3]
        assert reading.explanation


class TestFieldMap:
    def test_names_of_a_format_of_ones_own(self) -> None:
        """The values are found under other names, and in objects."""
        rule = BillingRule(fields=parse_field_map("status=result,apiKeyId=who.key|subject"))
        text = '{"result":"429","who":{"key":"-"},"subject":"b","status":"200","apiKeyId":"x"}'
        assert ("-", True) == (read_call(event(text), rule).key, read_call(event(text), rule).is_error)
        text = '{"result":"200","who":"-","subject":"b"}'
        assert ("b", True) == (read_call(event(text), rule).key, read_call(event(text), rule).billable)

    def test_names_of_samples(self) -> None:
        """Names in AWS's own samples need no map."""
        text = '{"httpStatusCode":"200","identity":{"sourceIp":"192.0.2.1","apiKeyId":"key0"}}'
        reading = read_event(event(text), RULE)
        assert reading.line is not None
        assert ("key0", "192.0.2.1") == (reading.call.key, reading.line.fields.text("sourceIp"))


# Any line at all: real fields, hostile values, broken syntax.

TOKENS = st.sampled_from(
    [
        *(
            "0",
            "5",
            "-5",
            "200",
            "404",
            "429",
            "503",
            "599",
            "600",
            "1e2",
            "2E2",
            "200.0",
            "20.5e1",
            "1.5",
            "-0",
            "-0.0",
        ),
        *("1e-400", "1e309", "1099511627776", "1099511627777", "1.099511627777e12", "86400000", "86400001"),
        *(
            "18446744073709551615",
            "18446744073709551616",
            "9" * 400,
            "01",
            "+1",
            ".5",
            "5.",
            "1e",
            "-",
            "--1",
            "0x1",
        ),
        *(
            "NaN",
            "Infinity",
            "-Infinity",
            "true",
            "false",
            "null",
            "nul",
            "[]",
            "{}",
            "[1,]",
            '{"a":{"b":[null]}}',
            "",
        ),
        *(
            str(NOON_MS + apart)
            for apart in (-DAY_MS - 1, -DAY_MS, 0, 1, DAY_MS, DAY_MS + 1, -NOON_MS, -NOON_MS - 1)
        ),
        *(str(NOON_MS // 1000), "253402300799999", "1.793448e12", "1793448000000.5"),
    ]
)
STRINGS = st.one_of(
    TOKENS.map(json.dumps),
    st.sampled_from(
        ["-", "", "null", "NULL", "nUlL", " 5", "5 ", "1_0", "٥", "!malformed", "!", "k" * 256, "k" * 257]
    ).map(json.dumps),
    st.sampled_from(
        [
            r'"\ud800"',
            r'"\udc00\ud800"',
            r'"\ud83d\ude00"',
            r'"\u0000"',
            '"\x00"',
            '"\t"',
            r'"\x"',
            '"',
            r'"\u12"',
        ]
    ),
    st.sampled_from(
        [r'"\u002d"', r'"\u0035"', r'"a\/b"', '"\x7f"', '"\u2028"', '"\ufffd"', '"\ud800"', '"\u00a0"']
    ),
    st.text(max_size=12).map(json.dumps),
    st.text(max_size=12).map(lambda text: json.dumps(text, ensure_ascii=False)),
)
HOSTILE_VALUES = st.one_of(STRINGS, TOKENS)
USUAL_AMOUNTS = st.sampled_from(['"0"', '"17"', '"-"', '""', "203023", '"2e3"', "null"])
USUAL_VALUES = {
    "status": st.sampled_from(['"200"', '"404"', "429", '"503"', "2.0e2"]),
    "requestTimeEpoch": st.sampled_from([f'"{NOON_MS}"', str(NOON_MS - 5), f'"{NOON_MS + DAY_MS}"', '"-"']),
    "extendedRequestId": st.sampled_from(['"8af5e02dd7f1509="', '"-"', '""', "null", '"ä"']),
    "apiKeyId": st.sampled_from(['"a1b2c3"', '"-"', '""', "null", r'"\u0061b"']),
    "authorizerKeyId": st.sampled_from(['"d4e5f6"', '"-"', "null"]),
    **dict.fromkeys(("responseLength", "requestLength", "responseLatency"), USUAL_AMOUNTS),
}
USUAL_OTHERS = st.sampled_from(
    ['"GET"', '"-"', "17", "null", '["a",{"b":1.5}]', r'"a\"b\u0000"', "1e309", "9" * 400]
)
NAMES = (*NUMBERS, *TEXTS, *DESCRIBING, "unknown", "", "STATUS")
HOSTILE_NAMES = (*NUMBERS, *NUMBERS, *TEXTS, *TEXTS, "userAgent", r"stat\u0075s", r"\ud800", "a\tb", "\ud800")


@st.composite
def usual_fields(draw: st.DrawFn) -> str:
    """A field that leaves a line a line: now and then with spaces where JSON allows them."""
    name = draw(st.sampled_from(NAMES))
    space = draw(st.sampled_from(["", "", "", " ", "\r\n\t"]))
    return f'{space}"{name}"{space}:{space}{draw(USUAL_VALUES.get(name, USUAL_OTHERS))}{space}'


@st.composite
def hostile_fields(draw: st.DrawFn) -> str:
    """A field with anything in it."""
    space = draw(st.sampled_from(["", "", "", "\x0b", "\xa0"]))
    return f'"{draw(st.sampled_from(HOSTILE_NAMES))}"{space}:{draw(HOSTILE_VALUES)}'


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A message: an object with a status, half the time with one or two hostile fields, seldom broken."""
    parts = [*draw(st.lists(usual_fields(), max_size=6)), '"status":"200"']
    if draw(st.booleans()):
        parts += draw(st.lists(hostile_fields(), min_size=1, max_size=2))
    text = "{" + ",".join(draw(st.permutations(parts))) + "}"
    return draw(broken(text)) if draw(st.integers(0, 9)) == 7 else text


@st.composite
def broken(draw: st.DrawFn, text: str) -> str:
    """A text with something too much, or something missing."""
    place = draw(st.integers(0, len(text)))
    before, after = text[:place], text[place:]
    scrap = draw(
        st.sampled_from(['"', "\\", ",", ":", "}", "[", "\x00", "x", " ", "\n", "\ufeff", "\ud800", text])
    )
    return draw(
        st.sampled_from([before + scrap + after, before + after[1:], before, scrap + text, text + scrap])
    )


@settings(max_examples=examples(600))
@given(
    st.one_of(
        texts(), texts(), texts(), st.text(max_size=20), st.sampled_from([line(), line(requestLength="17")])
    )
)
def test_any_text_means_what_the_reference_says(text: str) -> None:
    """The same call, or malformed, as by the standard library's JSON and rules that are spelt out.

    What is no JSON, or has a field twice, is another matter: see :mod:`tests.metering.calls.test_doubts`.
    """
    if _is_json(text) and not _has_a_field_twice(text):
        assert reference_call(event(text), RULE.exempt) == read_call(event(text), RULE)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _has_a_field_twice(text: str) -> bool:
    pairs: list[tuple[str, object]] = []
    json.loads(text, object_pairs_hook=pairs.extend)
    return len(pairs) > len({name for name, _ in pairs})


@given(st.text(st.characters()))
def test_reading_any_text_raises_nothing_but_malformed(text: str) -> None:
    """Any text, with any surrogates in it."""
    assert read_call(event(text), RULE).event_id
