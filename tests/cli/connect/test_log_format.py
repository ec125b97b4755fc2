"""Formats that stages have, and what becomes of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cli.connect.log_format import fields_of, has_all, merged
from local_cloud.template.document import Stack
from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.calls.delivery import LogEvent
from metering.line_format.format_check import check_format
from metering.line_format.stage_format import read_format
from tests.factories import NOON_MS

STACK = Stack()
NEEDED = STACK.output("AccessLogFormat")
FIELDS: dict[str, Any] = json.loads(NEEDED)
VALUES = {
    "requestId": "Fkb1aaaaaaaaaaa=",
    "extendedRequestId": "Fkb1aaaaaaaaaaa=",
    "identity.apiKeyId": "key0",
    "authorizer.claims.sub": "key0",
    "requestTimeEpoch": str(NOON_MS),
    "status": "200",
    **dict.fromkeys(("authorizer.authorizerKeyId", "authorizer.requestLength", "eventType"), "-"),
    "authorizer.decision": "allowed",
    **dict.fromkeys(("responseLength", "responseLatency", "integrationLatency", "connectionId"), "-"),
    **dict.fromkeys(("apiId", "stage", "httpMethod", "resourcePath", "routeKey", "identity.sourceIp"), "-"),
}
"""What the gateway knows; all else is a caller's."""
CLF = '$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod" $context.status'


class TestFields:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"ip":"$context.identity.sourceIp"}', {"ip": "$context.identity.sourceIp"}),
            ('{ "status": $context.status, "id":"a" }', {"status": "$context.status", "id": "a"}),
            ('{"a":{"b":$context.status}}', {"a": {"b": "$context.status"}}),
            (CLF, None),
            ("[1]", None),
            ("", None),
        ],
    )
    def test_read(self, text: str, expected: dict[str, Any] | None) -> None:
        """JSON with variables, in quotes or bare, nested or not; nothing else is taken for it."""
        assert expected == fields_of(text)


class TestMerged:
    def test_none_before(self) -> None:
        """A stage that logs nothing gets the meter's format as it is."""
        assert NEEDED == merged(None, NEEDED).text

    def test_own_fields_are_kept(self) -> None:
        """The stage's own fields stay: those of callers in front, those of the gateway behind."""
        found = merged('{"ip":"$context.identity.sourceIp","team":"orders"}', NEEDED)
        fields = json.loads(found.text)
        assert {"ip": "$context.identity.sourceIp", "team": "orders", **FIELDS} == fields
        assert ["path", "userAgent", "requestId"] == list(fields)[:3]
        assert ["extendedRequestId", "ip", "team"] == list(fields)[6:9]
        assert not found.renamed

    @pytest.mark.parametrize("name", ["k", "apiKeyId"])
    def test_the_secret(self, name: str) -> None:
        """The API key itself is logged no more, whatever its field is called; and that is said."""
        found = merged(f'{{"{name}":"$context.identity.apiKey","team":"orders"}}', NEEDED)
        assert "identity.apiKey" not in re.findall(r"\$context\.([\w.]+)", found.text)
        assert ("orders", FIELDS["apiKeyId"]) == tuple(
            json.loads(found.text)[key] for key in ("team", "apiKeyId")
        )
        assert ((name,), {}) == (found.left_out, found.renamed)
        assert not has_all(f'{{"{name}":"$context.identity.apiKey",' + NEEDED[1:], NEEDED)

    @pytest.mark.parametrize("own", ['{"ip":"$context.identity.sourceIp"}', '{"a":"$context.identity.user"}'])
    def test_one_function(self, own: str) -> None:
        """`format check` finds nothing to add to what `connect` sets, and the other way round."""
        text = merged(own, NEEDED).text
        assert text == check_format(read_format(text)).extension
        checked = check_format(read_format(own)).extension
        assert set(json.loads(checked)) <= set(json.loads(merged(checked, NEEDED).text))

    def test_another_meaning(self) -> None:
        """A field that has a name of the meter's for something else is kept under another name."""
        found = merged('{"status":"$context.integration.status"}', NEEDED)
        fields = json.loads(found.text)
        assert {"status": "$context.integration.status"} == found.renamed
        assert ["$context.status", "$context.integration.status"] == [
            fields[name] for name in ("status", "other_status")
        ]

    @pytest.mark.parametrize(
        "output", ["AccessLogFormat", "AccessLogFormatHttpApi", "AccessLogFormatWebSocketApi"]
    )
    def test_own_text_of_a_caller(self, output: str) -> None:
        """One quote in it, as nobody escapes it, makes no call free and moves it to no other key."""
        text = merged('{"agent":"$context.identity.userAgent"}', STACK.output(output)).text
        assert check_format(read_format(text)).is_full
        for attack in ('"', '","apiKeyId":"victim","status":"500","x":"'):
            line = re.sub(r"\$context\.([\w.]+)", lambda match: VALUES.get(match[1], attack), text)  # noqa: B023
            call = read_event(LogEvent("1", NOON_MS, line), BillingRule()).call
            assert ("key0", "Fkb1aaaaaaaaaaa=", True) == (call.key, call.event_id, call.billable), line

    def test_again(self) -> None:
        """Merging twice changes nothing."""
        once = merged('{"ip":"$context.identity.sourceIp"}', NEEDED).text
        assert once == merged(once, NEEDED).text

    @pytest.mark.parametrize("variable", ["identity.apiKey", "error.messageString", "identity.user"])
    def test_nothing_is_left_to_do(self, variable: str) -> None:
        """Whatever the stage's own fields hold, what was merged has all."""
        assert has_all(merged(f'{{"own":"$context.{variable}"}}', NEEDED).text, NEEDED)


class TestHasAll:
    def test_what_the_meter_reads(self) -> None:
        """All fields, with their variables, in quotes: more do no harm."""
        assert has_all(NEEDED, NEEDED)
        assert has_all(merged('{"ip":"x"}', NEEDED).text, NEEDED)
        assert not has_all(NEEDED.replace('"$context.status"', "$context.status"), NEEDED)
        assert not has_all(json.dumps({**FIELDS, "status": "$context.integration.status"}), NEEDED)
        assert not has_all(CLF, NEEDED)

    def test_order(self) -> None:
        """A caller's text behind a field that counts could stand for it; a space hides where fields begin."""
        assert not has_all('{"agent":"$context.identity.userAgent",' + NEEDED[1:], NEEDED)
        assert not has_all(NEEDED[:-1] + ',"agent":"$context.identity.userAgent"}', NEEDED)
        assert not has_all(NEEDED.replace(",", ", "), NEEDED)
        assert has_all(NEEDED[:-1] + ',"protocol":"$context.protocol"}', NEEDED)
