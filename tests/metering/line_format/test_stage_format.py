"""Formats as people have them: as text, quoted by JSON or a shell, in what the AWS CLI prints."""

from __future__ import annotations

import json

import pytest

from metering.line_format.stage_format import ApiType, read_format, written

TEXT = '{"requestId":"$context.requestId","identity":{"ip":"$context.identity.sourceIp"},"v":1}'


@pytest.mark.parametrize(
    "given",
    [
        TEXT,
        f"  {TEXT}\n",
        json.dumps(TEXT),
        TEXT.replace('"', r"\""),
        json.dumps({"stageName": "prod", "accessLogSettings": {"format": TEXT, "destinationArn": "arn:"}}),
        json.dumps({"StageName": "$default", "AccessLogSettings": {"Format": TEXT}}),
    ],
    ids=["itself", "spaces around", "JSON text", "escaped", "apigateway", "apigatewayv2"],
)
def test_what_a_format_is_given_in(given: str) -> None:
    """It is found in each, with its fields in their order."""
    found = read_format(given)
    assert (TEXT, "", ()) == (found.text, found.form, found.bare)
    assert [("requestId",), ("identity.sourceIp",), ()] == [field.variables for field in found.fields]
    assert TEXT == written(found.fields)


def test_bare_variables() -> None:
    """Those without quotes; what is in a text is no bare one."""
    found = read_format('{"status":$context.status, "line":"a:$context.path,b", "n":[ $context.protocol ]}')
    assert ("status", "protocol") == found.bare
    expected = '{"status":"$context.status","line":"a:$context.path,b","n":["$context.protocol"]}'
    assert expected == written(found.fields)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('$context.identity.sourceIp - - [$context.requestTime] "$context.path" $context.status', "CLF"),
        ("<request id='$context.requestId'><status>$context.status</status></request>", "XML"),
        ("$context.identity.sourceIp,$context.path,$context.status", "CSV"),
        ("$context.requestId took $context.responseLatency", "plain text"),
        ('{"status":"$context.status"', "JSON that is broken"),
        ('["$context.status"]', "plain text"),
    ],
)
def test_other_forms(text: str, form: str) -> None:
    """Each is named, and its variables are its fields."""
    found = read_format(text)
    assert form in found.form
    assert text.count("$context") == len(found.fields)


@pytest.mark.parametrize("text", ["", "{}", "nothing", '{"a":"$input.path"}'])
def test_no_format(text: str) -> None:
    """A text without a variable is refused."""
    with pytest.raises(ValueError, match="no access-log format"):
        read_format(text)


@pytest.mark.parametrize(
    ("text", "api_type"),
    [
        ('{"a":"$context.resourcePath"}', ApiType.REST),
        ('{"a":"$context.routeKey"}', ApiType.HTTP),
        ('{"a":"$context.routeKey","b":"$context.connectionId"}', ApiType.WEB_SOCKET),
    ],
)
def test_type_of_api(text: str, api_type: ApiType) -> None:
    """By the variables that only one type has."""
    assert api_type is read_format(text).api_type
