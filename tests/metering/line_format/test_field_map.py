"""Where each value stands in a line."""

from __future__ import annotations

import pytest

from metering.line_format.field_map import DEFAULT_FIELDS, parse_field_map

LINE = {
    "status": b'"200"',
    "httpStatusCode": b'"404"',
    "identity": b'{"apiKeyId":"a","who.ever":{"key":"b"}}',
    "a.b": b'"c"',
}


def test_the_first_name_that_a_line_has() -> None:
    """Is where a value stands."""
    assert b'"200"' == DEFAULT_FIELDS.find("status", LINE)
    assert b'"404"' == DEFAULT_FIELDS.find("status", {"httpStatusCode": b'"404"'})
    assert b'"404"' == parse_field_map("status=code|httpStatusCode").find("status", LINE)


def test_a_dot_leads_into_an_object() -> None:
    """Unless a field has that very name."""
    assert b'"a"' == DEFAULT_FIELDS.find("apiKeyId", LINE)
    assert b'"c"' == parse_field_map("apiKeyId=a.b").find("apiKeyId", LINE)
    assert None is parse_field_map("apiKeyId=status.b").find("apiKeyId", LINE)
    assert None is parse_field_map("apiKeyId=identity.key").find("apiKeyId", LINE)


def test_nothing_to_change() -> None:
    """An empty map is the default one."""
    assert parse_field_map(" , ").is_default
    assert not parse_field_map("status=code").is_default


def test_the_fields_that_are_used() -> None:
    """Each with the value that is taken from it."""
    assert {"status": "status", "identity": "apiKeyId"} == DEFAULT_FIELDS.used(LINE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status", "'status' is not a value and its field, such as status=httpStatusCode"),
        ("status=", "'status=' is not a value"),
        ("status=a||b", "is not a value"),
        ("status=a b", "is not a value"),
        ("size=bytes", "'size' is not a value of a call; the values are extendedRequestId, apiKeyId,"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    """Is named, with what there is."""
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        parse_field_map(text)
