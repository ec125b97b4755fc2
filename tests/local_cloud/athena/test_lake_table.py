"""A table of the lake as Athena sees it."""

from typing import Any

import pytest

from local_cloud.athena.lake_table import LakeTable, ProjectedKey, UnreadableTableError
from local_cloud.template.document import Stack

TABLE = Stack().resource("LakeTable")["TableInput"]


def table(**parameters: str | None) -> dict[str, Any]:
    """The template's, with other parameters (``None`` takes one away), dots written as ``__``."""
    changed = {name.replace("__", "."): value for name, value in parameters.items()}
    merged = {**TABLE["Parameters"], **changed}
    return {**TABLE, "Parameters": {name: value for name, value in merged.items() if value is not None}}


def test_columns_and_partition_keys_make_the_schema() -> None:
    """In the table's order, keys last."""
    schema = LakeTable.from_glue(table()).schema

    assert ["eventid", "eventhash", "eventtime"] == list(schema)[:3]
    assert {"year": "int", "month": "int", "day": "int"} == dict(list(schema.items())[-3:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("01", 1), ("12", 12), ("1", None), ("001", None), ("13", None), ("00", None), ("x", None), ("²", None)],
)
def test_a_folder_stands_for_a_value_of_the_projection(text: str, expected: int | None) -> None:
    """With its digits, within its range; others are never looked into."""
    assert expected == ProjectedKey("month", "int", 1, 12, digits=2).value(text)


def test_a_projection_may_have_an_interval() -> None:
    """Values are counted from the first."""
    key = ProjectedKey("minute", "int", 0, 59, interval=15)

    assert [0, 15, None, 45] == [key.value(text) for text in ("0", "15", "20", "45")]


@pytest.mark.parametrize(
    ("described", "why"),
    [
        (table(projection__enabled=None), "no partition projection"),
        (table(projection__year__type="date"), "the projection of year is date"),
        ({**table(), "StorageDescriptor": {**TABLE["StorageDescriptor"], "InputFormat": "text"}}, "Parquet"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(described: dict[str, Any], why: str) -> None:
    """The local cloud reads integer projections over Parquet."""
    with pytest.raises(UnreadableTableError, match=why):
        LakeTable.from_glue(described)


def test_without_a_template_folders_are_hives() -> None:
    """``year=2026/month=10/day=31`` below the table's location."""
    lake = LakeTable.from_glue(table(storage__location__template=None))

    match = lake.location.fullmatch(f"s3://{lake.bucket}/lake/year=2026/month=10/day=31/x.parquet")
    assert match is not None
    assert ("2026", "10", "31", "x.parquet") == (match["year"], match["month"], match["day"], match["name"])
