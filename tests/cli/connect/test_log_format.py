"""Formats that stages have, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.connect.log_format import fields_of, has_all, merged
from local_cloud.template.document import Stack

NEEDED = Stack().output("AccessLogFormat")
FIELDS: dict[str, Any] = json.loads(NEEDED)
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
        """The stage's own fields stay, before the meter's: the last of two values of a name counts."""
        found = merged('{"ip":"$context.identity.sourceIp","team":"orders"}', NEEDED)
        fields = json.loads(found.text)
        assert {"ip": "$context.identity.sourceIp", "team": "orders", **FIELDS} == fields
        assert ["ip", "team"] == list(fields)[:2]
        assert not found.renamed

    def test_another_meaning(self) -> None:
        """A field that has a name of the meter's for something else is kept under another name."""
        found = merged('{"status":"$context.integration.status"}', NEEDED)
        fields = json.loads(found.text)
        assert {"status": "$context.integration.status"} == found.renamed
        assert ["$context.status", "$context.integration.status"] == [
            fields[name] for name in ("status", "other_status")
        ]

    def test_again(self) -> None:
        """Merging twice changes nothing."""
        once = merged('{"ip":"$context.identity.sourceIp"}', NEEDED).text
        assert once == merged(once, NEEDED).text


class TestHasAll:
    def test_what_the_meter_reads(self) -> None:
        """All fields, with their variables, in quotes: more do no harm."""
        assert has_all(NEEDED, NEEDED)
        assert has_all(merged('{"ip":"x"}', NEEDED).text, NEEDED)
        assert not has_all(NEEDED.replace('"$context.status"', "$context.status"), NEEDED)
        assert not has_all(json.dumps({**FIELDS, "status": "$context.integration.status"}), NEEDED)
        assert not has_all(CLF, NEEDED)
