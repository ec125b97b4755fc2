"""What a format lacks; and that whatever callers write, lines of its extension are read to what is right."""

from __future__ import annotations

import json
import random
import re
from typing import Final

import pytest

from local_cloud.template.document import Stack
from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.calls.delivery import LogEvent
from metering.line_format.format_check import FormatCheck, check_format
from metering.line_format.stage_format import ApiType, read_format

NOON_MS: Final = 1_793_700_000_000
STACK: Final = Stack()
EXPORTED: Final = {
    ApiType.REST: STACK.output("AccessLogFormat"),
    ApiType.HTTP: STACK.output("AccessLogFormatHttpApi"),
    ApiType.WEB_SOCKET: STACK.output("AccessLogFormatWebSocketApi"),
}


def _json(*variables: str) -> str:
    names = (variable.rpartition(".")[2] for variable in variables)
    return json.dumps({name: f"$context.{of}" for name, of in zip(names, variables, strict=True)})


_OF_ALL = ("requestId", "identity.sourceIp", "requestTime")
_OF_REST = (*_OF_ALL, "identity.caller", "identity.user", "httpMethod", "resourcePath", "status", "protocol")
_OF_HTTP = (*_OF_ALL, "httpMethod", "routeKey", "status", "protocol", "responseLength")
_OF_WEB_SOCKET = (*_OF_ALL, "identity.caller", "eventType", "routeKey", "status", "connectionId")
PEOPLES: Final = {
    "REST, AWS's JSON": _json(*_OF_REST, "responseLength"),
    "HTTP, AWS's JSON": _json(*_OF_HTTP),
    "WebSocket, AWS's JSON": _json(*_OF_WEB_SOCKET),
    "CLF": "$context.identity.sourceIp $context.identity.caller $context.identity.user "
    "[$context.requestTime] "
    '"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.requestId',
    "XML": '<request id="$context.requestId"><status>$context.status</status></request>',
    "CSV": "$context.identity.sourceIp,$context.requestTime,$context.routeKey,$context.status",
    "other names": '{"id":"$context.requestId","httpStatusCode":"$context.status","agent":'
    '"$context.identity.userAgent","identity":{"ip":"$context.identity.sourceIp",'
    '"user":"$context.identity.user"}}',
    "texts last": json.dumps(
        dict(
            sorted(
                json.loads(EXPORTED[ApiType.REST]).items(),
                key=lambda field: field[0] in {"path", "userAgent"},
            )
        )
    ),
    "bare values": '{"requestId":"$context.requestId","status":$context.status,"route":"$context.routeKey"}',
    "wrong variable": EXPORTED[ApiType.REST].replace("$context.status", "$context.integration.status"),
    "an error's message": EXPORTED[ApiType.HTTP].replace('"path"', '"e":$context.error.messageString,"path"'),
    "spaces": EXPORTED[ApiType.HTTP].replace(",", ", "),
    "two of a name": '{"status":"$context.status",' + EXPORTED[ApiType.HTTP][1:],
}
"""Formats of stages, as they are found."""
ALL = pytest.mark.parametrize("text", PEOPLES.values(), ids=PEOPLES)


def checked(text: str, api_type: ApiType | None = None) -> FormatCheck:
    """The format, checked."""
    return check_format(read_format(text), api_type)


@pytest.mark.parametrize("api_type", ApiType)
def test_exported_formats(api_type: ApiType) -> None:
    """The stack's own lack nothing, and stay as they are."""
    found = checked(EXPORTED[api_type])
    assert (api_type, True, EXPORTED[api_type]) == (found.api_type, found.is_full, found.extension)


@ALL
def test_extension_lacks_nothing(text: str) -> None:
    """Something is wrong with each, and nothing with its extension: on one line that an HTTP API takes."""
    found = checked(text)
    assert not found.is_full
    again = checked(found.extension, found.api_type)
    assert (True, found.extension) == (again.is_full, again.extension)
    assert "\n" not in found.extension


@ALL
def test_nothing_of_theirs_is_lost(text: str) -> None:
    """Each field that is JSON is in the extension, with its name and value."""
    found, theirs = checked(text), read_format(text)
    fields = {field.name: field.value for field in read_format(found.extension).fields}
    replaced = {lack.field for lack in found.lacks}
    assert {
        field.name: field.value for field in theirs.fields if field.name not in replaced
    }.items() <= fields.items()


@ALL
@pytest.mark.parametrize("hostile", [False, True], ids=["honest", "hostile"])
def test_lines_are_read_to_the_gateways_values(text: str, hostile: bool) -> None:
    """Key, id, time, status and amounts, where callers write quotes and fields into every text of theirs."""
    found, generator = checked(text), random.Random(14)
    for _ in range(200):
        attack = "".join(generator.choices(_PIECES, k=generator.randrange(8))) if hostile else "x"
        line = _logged(found.extension, attack, found.api_type)
        call = read_event(LogEvent("1", NOON_MS, line), BillingRule()).call
        amounts = (0, 0) if found.api_type is ApiType.WEB_SOCKET else (47, 12)
        assert ("key0", "Fkb1aaaaaaaaaaa=", NOON_MS, False, True, *amounts) == (
            *(call.key, call.event_id, call.time_ms, call.is_error, call.billable),
            *(call.response_bytes or 0, call.latency_ms),
        ), line


_PIECES: Final = (
    *('"', ",", "{", "}", "x", "\t", "\\", '","a":"', '","status":"500', '","apiKeyId":"victim', "\x00"),
    *('","requestTimeEpoch":"1', '","extendedRequestId":"OLD', '","requestId":"x","apiKeyId":"victim'),
    *('","httpStatusCode":"500', '","identity":{"apiKeyId":"victim"},"b":"', '","responseLength":"0'),
)
_KNOWN: Final = {
    "requestId": "3f1c1a52-0000-4000-8000-000000000000",
    "extendedRequestId": "Fkb1aaaaaaaaaaa=",
    "identity.apiKeyId": "key0",
    "authorizer.claims.sub": "key0",
    "requestTimeEpoch": str(NOON_MS),
    "requestTime": "03/Nov/2026:10:00:00 +0000",
    "status": "200",
    "responseLength": "47",
    "responseLatency": "12",
    "eventType": "MESSAGE",
}
_CALLERS: Final = {"path", "identity.userAgent", "identity.user", "identity.caller", "error.message"}


def _logged(text: str, attack: str, api_type: ApiType) -> str:
    """A line as a gateway writes it that escapes nothing."""
    values = dict.fromkeys(_CALLERS, attack) | _KNOWN
    if api_type is not ApiType.REST:
        values["requestId"] = values["extendedRequestId"]
    return re.sub(r"\$context\.([\w.]+)", lambda match: values.get(match[1], "-"), text)


def test_lacks() -> None:
    """Each missing field, with what it has to hold and what comes of it; a wrong one with what it holds."""
    found = checked(EXPORTED[ApiType.REST].replace("$context.status", "$context.integration.status"))
    assert [("status", "$context.status", '"$context.integration.status"')] == [
        lack[:3] for lack in found.lacks
    ]
    assert "the call is not counted" == found.lacks[0].consequence
    names = {lack.field for lack in checked(PEOPLES["HTTP, AWS's JSON"]).lacks}
    assert {"userAgent", "apiKeyId", "extendedRequestId", "requestTimeEpoch"} <= names
    assert names.isdisjoint({"requestId", "status", "responseLength"})


def test_the_secret_is_taken_out() -> None:
    """The API key itself is never logged on."""
    found = checked(EXPORTED[ApiType.REST].replace("identity.apiKeyId", "identity.apiKey"))
    other = checked('{"k":"$context.identity.apiKey",' + EXPORTED[ApiType.REST][1:])
    for one in (found, other):
        assert any("a secret" in fault for fault in one.faults)
        assert "identity.apiKey" not in {
            name for field in read_format(one.extension).fields for name in field.variables
        }


def test_order() -> None:
    """A text of a caller behind a counted field is a fault, though nothing is missing."""
    found = checked(PEOPLES["texts last"])
    assert ((), 1) == (found.lacks, len(found.faults))
    assert "first" in found.faults[0]


def test_a_key_of_the_authorizers_own() -> None:
    """Any value of an authorizer may be the key; for an HTTP API it must be one."""
    own = EXPORTED[ApiType.HTTP].replace("claims.sub", "tenant")
    assert checked(own).is_full
    assert ["apiKeyId"] == [
        lack.field for lack in checked(own.replace("authorizer.tenant", "identity.accountId")).lacks
    ]
    assert (
        "authorizer.tenant"
        in check_format(read_format(PEOPLES["HTTP, AWS's JSON"]), None, "tenant").extension
    )


def test_length() -> None:
    """Of an extension that may be too long is said so."""
    own = ",".join(f'"constant{number}":"{"x" * 40}"' for number in range(20))
    assert checked("{" + own + ',"routeKey":"$context.routeKey"}').is_long
    assert not any(checked(text).is_long for text in EXPORTED.values())
