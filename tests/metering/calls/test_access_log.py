"""The access-log line, and the call that it describes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metering.billing_rule import BillingRule
from metering.calls.access_log import AccessLogLine, DescribedLine, call_of, number, read_call, read_line
from metering.calls.call import malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.errors import Malformed
from metering.outcome import Outcome
from tests.factories import KEY, NOON_MS, line
from tests.metering.calls.reference_line import reference_call

RULE = BillingRule()
DAY_MS = 86_400_000

NUMBERS = ("status", "responseLength", "requestLength", "responseLatency", "requestTimeEpoch")
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
        """API Gateway writes `-`: the call counts, with nothing for it."""
        totals = {"responseLength": "response_bytes", "requestLength": "request_bytes"}
        assert 0 == getattr(read(**{name: absent}), totals.get(name, "latency_ms"))

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
            line(userAgent="a").replace('"a"', "-"),
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
            read_line(text, AccessLogLine)

    @pytest.mark.parametrize(
        "status", [None, "-", "", "0", "99", "600", "2000", "200.5", True, [], {}, "OK", "null"]
    )
    def test_no_status(self, status: object) -> None:
        """A call has one, from 100 to 599."""
        assert Outcome.MALFORMED == read(status=status).outcome

    @pytest.mark.parametrize("name", NUMBERS)
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

    @pytest.mark.parametrize("name", NUMBERS)
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
            "-",
            "+5",
        ],
    )
    def test_absurd_bare_numbers(self, name: str, written: str) -> None:
        """The same without quotes."""
        text = line(**{name: "instead"}).replace('"instead"', written)
        assert Outcome.MALFORMED == read_call(event(text), RULE).outcome

    @pytest.mark.parametrize(
        ("name", "highest"),
        [("responseLength", 2**40), ("requestLength", 2**40), ("responseLatency", DAY_MS)],
    )
    def test_bounds(self, name: str, highest: int) -> None:
        """1 TiB, and a day."""
        assert Outcome.METERED == read(**{name: str(highest)}).outcome
        assert Outcome.MALFORMED == read(**{name: str(highest + 1)}).outcome

    @pytest.mark.parametrize("name", ["apiKeyId", "authorizerKeyId"])
    @pytest.mark.parametrize(
        "key",
        [
            "k" * 257,
            "k" * 10_000,
            "a\nb",
            "a\rb",
            "\x00",
            "a\x7f",
            "a\x85b",
            "a\u2028b",
            "a\ufffdb",
            "!malformed",
            "!undecodable",
            "!",
            17,
            True,
            ["a"],
            {"a": 1},
        ],
        ids=lambda key: ascii(key)[:20],
    )
    def test_no_key(self, name: str, key: object) -> None:
        """Too long, with control characters or a line end, damaged, reserved, or no text."""
        assert Outcome.MALFORMED == read(**{"apiKeyId": "-", name: key}).outcome

    @pytest.mark.parametrize(
        "key", ["k" * 256, "a b", "ключ", "\U0001f511", "a!", "--", "#", "key:2026-11#0", " "]
    )
    def test_unusual_keys(self, key: str) -> None:
        """An authorizer's key may be any other text."""
        assert (key, Outcome.METERED) == (read(apiKeyId=key).key, read(apiKeyId=key).outcome)

    @pytest.mark.parametrize("apart_ms", [-DAY_MS, -1, 0, 1, DAY_MS])
    def test_a_time_within_a_day_of_logging(self, apart_ms: int) -> None:
        """Counts at its own time."""
        assert NOON_MS + apart_ms == read(requestTimeEpoch=str(NOON_MS + apart_ms)).time_ms

    @pytest.mark.parametrize(
        "time_ms",
        [0, NOON_MS // 1000, NOON_MS - DAY_MS - 1, NOON_MS + DAY_MS + 1, NOON_MS * 1000, 253_370_764_800_000],
        ids=["1970", "seconds", "a day before", "a day after", "microseconds", "9999"],
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
        with pytest.raises(Malformed, match=r"`status`"):
            read_line("{}", AccessLogLine)
        with pytest.raises(Malformed, match=r"'x' - at `\$\.responseLength`"):
            read_line(line(responseLength="x"), AccessLogLine)
        with pytest.raises(
            Malformed, match="'!malformed' is too long, has control characters or is reserved"
        ):
            call_of(event(""), read_line(line(apiKeyId="!malformed"), AccessLogLine), RULE)
        with pytest.raises(Malformed, match=f"time 0 is more than 24 h from its log event's {NOON_MS}"):
            call_of(event(""), read_line(line(requestTimeEpoch="0"), AccessLogLine), RULE)


def test_number() -> None:
    """A number, and None for whatever stands for an absent one."""
    read = read_line(line(responseLength="17", requestLength="-", responseLatency=""), AccessLogLine)
    assert [17, None, None] == [
        number(field) for field in (read.response_length, read.request_length, read.response_latency)
    ]
    assert None is number(read_line('{"status":200}', AccessLogLine).response_length)


def test_a_described_line() -> None:
    """It holds what describes the call, as it was sent."""
    described = read_line(line(routeKey="GET /", userAgent=["no", "text"], sourceIp=None), DescribedLine)
    assert ("a1b2c3d4e5", "prod", "GET", "/orders/{id}", "GET /") == (
        described.api_id,
        described.stage,
        described.http_method,
        described.resource_path,
        described.route_key,
    )
    assert ("/orders/17", ["no", "text"], None) == (described.path, described.user_agent, described.source_ip)
    assert "22b3d89d-f6ea-d1df-e754-75b9266320c2" == described.request_id


@pytest.mark.parametrize("token", ["1e309", "9" * 5000])
def test_a_description_out_of_range_costs_the_description(token: str) -> None:
    """Not the call."""
    text = line(userAgent="instead").replace('"instead"', token)
    assert Outcome.METERED == read_call(event(text), RULE).outcome
    with pytest.raises(Malformed, match="out of range"):
        read_line(text, DescribedLine)


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


@settings(max_examples=600)
@given(
    st.one_of(
        texts(), texts(), texts(), st.text(max_size=20), st.sampled_from([line(), line(requestLength="17")])
    )
)
@example('{"status":"200","status":"-"}')
@example('{"status":"x","status":"200"}')
def test_any_text_means_what_the_reference_says(text: str) -> None:
    """The same call, or malformed, as by the standard library's JSON and rules that are spelt out.

    But a field that comes twice is wrong if it is wrong the first time.
    """
    expected = reference_call(event(text), RULE.exempt)
    found = read_call(event(text), RULE)
    if expected != found:
        assert _has_a_field_twice(text)
        assert Outcome.MALFORMED == found.outcome


def _has_a_field_twice(text: str) -> bool:
    pairs: list[tuple[str, object]] = []
    json.loads(text, object_pairs_hook=pairs.extend)
    return len(pairs) > len({name for name, _ in pairs})


@settings(max_examples=300)
@given(texts())
def test_both_shapes_count_alike(text: str) -> None:
    """Whatever can be read with its description counts as it does without: lake and counters agree."""
    try:
        described = read_line(text, DescribedLine)
    except Malformed:
        return
    counted = read_line(text, AccessLogLine)
    assert [getattr(counted, name) for name in AccessLogLine.__struct_fields__] == [
        getattr(described, name) for name in AccessLogLine.__struct_fields__
    ]


@given(st.text(st.characters()))
def test_reading_any_text_raises_nothing_but_malformed(text: str) -> None:
    """Any text, with any surrogates in it."""
    assert read_call(event(text), RULE).event_id
