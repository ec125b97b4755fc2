"""Pages of a Scan: the items are those that botocore gives, for a tenth of the work."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from adapters.dynamodb.hot_path.scan_page import decode_pages
from adapters.dynamodb.table import Table
from benchmarks.harness.instructions import executed
from benchmarks.scan import client_of, page_of_scan
from metering.errors import Transient
from tests.tables import Tables, create_tables

EVERY_TYPE: dict[str, dict[str, Any]] = {
    "text": {"S": 'é "B" \\ \n'},
    "number": {"N": "-12345678901234567890123456789012345678"},
    "binary": {"B": b"\x00\xff"},
    "truth": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"N": "1"}, {"M": {"B": {"S": "x"}}}]},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
}


def scanned(tables: Tables) -> list[Any]:
    """All items of the counters table by our way."""
    names = ["pk", "sk", *EVERY_TYPE]
    pages = Table(tables.dynamodb, tables.counters).scan(
        "begins_with(pk, :k)", {":k": "key:"}, names, segments=1
    )
    return [item for page in pages for item in page.items]


def test_items_are_those_of_botocore(dynamodb_local: str) -> None:
    """AWS's own engine's response, read by both, is the same: of counters, and of items with every type."""
    tables = create_tables(dynamodb_local)
    client = boto3.client("dynamodb", **tables.where)  # type: ignore[call-overload]
    for number, kinds in enumerate([("text", "number"), ("number",), (), tuple(EVERY_TYPE)]):
        item = {
            "pk": {"S": f"key:{number}"},
            "sk": {"S": "2026-10#0"},
            **{name: EVERY_TYPE[name] for name in kinds},
        }
        client.put_item(TableName=tables.counters, Item=item)
        assert client.scan(TableName=tables.counters)["Items"] == scanned(tables)
    client.delete_item(TableName=tables.counters, Key={"pk": {"S": "key:3"}, "sk": {"S": "2026-10#0"}})
    assert client.scan(TableName=tables.counters)["Items"] == scanned(tables)


@pytest.mark.parametrize("body", [b'{"Items":[{"a":{"N":1}}]}', b'{"Items":[', b'{"Items":{}}', b"{}", b""])
def test_other_pages_are_left_to_botocore(body: bytes) -> None:
    """What is not as DynamoDB writes it is read, or refused, as by botocore alone."""

    def outcome(client: Any) -> tuple[type, object]:
        try:
            return dict, client.scan(TableName="t").get("Items")
        except Exception as error:  # noqa: BLE001 - whatever botocore raises is compared
            return type(error), str(error)

    ours = client_of(body)
    decode_pages(ours)
    assert outcome(client_of(body)) == outcome(ours)


def test_errors_stay_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response of status 400 is no page, whatever it holds."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    body = b'{"__type":"x#ProvisionedThroughputExceededException","Items":[]}'
    client = client_of(body, 400)
    with pytest.raises(Transient, match="Scan of t"):
        list(Table(client, "t").scan("pk = :a", {":a": "a"}, ["pk"], segments=1))


def test_a_tenth_of_the_work() -> None:
    """A page of 500 counters executes under a tenth of the instructions that botocore's parser does."""
    body = page_of_scan(500)
    plain, ours = client_of(body), client_of(body)
    decode_pages(ours)
    decode_pages(ours)
    assert plain.scan(TableName="t")["Items"] == ours.scan(TableName="t")["Items"]
    by_botocore = executed(lambda: plain.scan(TableName="t"))
    assert by_botocore > 10 * executed(lambda: ours.scan(TableName="t"))
