"""JSON documents into rows, as the OpenX JSON SerDe reads them."""

import json
from datetime import datetime
from typing import Any

import pytest

from local_cloud.firehose.json_rows import RowReader, UnfitError
from local_cloud.glue import Column

MOMENT = datetime(2026, 10, 31, 12, 30, 15)  # noqa: DTZ001 - a timestamp of the lake has no zone


def read(kind: str, value: Any) -> Any:
    """What a column of that type makes of a value."""
    ((found,),) = RowReader([Column("c", kind)]).read(json.dumps({"c": value}).encode())
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "text", "text"),
        ("string", 12, "12"),
        ("string", True, "true"),
        ("string", {"a": [1, 2]}, '{"a":[1,2]}'),
        ("string", None, None),
        ("int", 2**31 - 1, 2**31 - 1),
        ("int", "-5", -5),
        ("bigint", -(2**63), -(2**63)),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("bigint", None, None),
        ("smallint", 32767, 32767),
        ("tinyint", "-128", -128),
        ("double", 1.5, 1.5),
        ("double", 3, 3.0),
        ("double", "2.5", 2.5),
        ("boolean", True, True),
        ("boolean", "False", False),
    ],
)
def test_values(kind: str, value: Any, expected: Any) -> None:
    """Numbers and booleans may be quoted; a string takes anything."""
    found = read(kind, value)

    assert (type(expected), expected) == (type(found), found)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-31T12:30:15Z", MOMENT),
        ("2026-10-31T12:30:15.5Z", MOMENT.replace(microsecond=500_000)),
        ("2026-10-31T12:30:15.123456789Z", MOMENT.replace(microsecond=123_456)),
        ("2026-10-31 12:30:15", MOMENT),
        ("2026-10-31 12:30:15.25", MOMENT.replace(microsecond=250_000)),
        ("2026-1-2 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001 - as above
        (1793449815, MOMENT),
        ("1793449815", MOMENT),
        (1793449815123, MOMENT.replace(microsecond=123_000)),
        ("1793449815123", MOMENT.replace(microsecond=123_000)),
        (1793449815.123, MOMENT.replace(microsecond=123_000)),
    ],
)
def test_timestamps(value: Any, expected: datetime) -> None:
    """Every form that AWS lists for this SerDe."""
    assert expected == read("timestamp", value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 2**31),
        ("int", 1.0),
        ("int", True),
        ("int", "1.5"),
        ("int", ""),
        ("int", "٣"),
        ("int", [1]),
        ("bigint", 2**63),
        ("bigint", "99999999999999999999"),
        ("tinyint", 128),
        ("double", "much"),
        ("double", True),
        ("double", {}),
        ("boolean", 1),
        ("boolean", "yes"),
        ("timestamp", "2026-10-31"),
        ("timestamp", "2026-10-31T12:30:15"),
        ("timestamp", "2026-10-31 12:30:15Z"),
        ("timestamp", "2026-13-31T12:30:15Z"),
        ("timestamp", True),
        ("timestamp", "99999999999999999"),
    ],
)
def test_values_that_do_not_fit(kind: str, value: Any) -> None:
    """The column is named."""
    with pytest.raises(UnfitError, match="column c: "):
        read(kind, value)


@pytest.mark.parametrize(
    "data", [b"[]", b'"x"', b"{", b'{"a":1}]', b'{"a":NaN}', b"\xff", b'{"a":1},{"a":2}', b"[" * 100_000]
)
def test_what_is_no_row_of_documents(data: bytes) -> None:
    """Arrays, scalars, broken JSON, commas between documents."""
    with pytest.raises(UnfitError):
        RowReader([Column("a", "int")]).read(data)


def test_documents_follow_one_another() -> None:
    """With newlines, with space, with nothing between; none at all is no row."""
    reader = RowReader([Column("a", "int")])

    assert [(1,), (2,), (3,)] == reader.read(b' {"a":1}{"a":2}\r\n\t{"a":3}\n')
    assert [] == reader.read(b" \n")


def test_keys_are_lowered_and_unknown_ones_left_out() -> None:
    """``apiKeyId`` fills the column ``apikeyid``; absent fields are NULL, in the order of the columns."""
    reader = RowReader([Column("apikeyid", "string"), Column("status", "int")])

    assert [("k", None)] == reader.read(b'{"apiKeyId":"k","other":1}')


def test_a_column_that_cannot_be_converted_to_is_named() -> None:
    """Better no local cloud than one that leaves a column out."""
    with pytest.raises(ValueError, match=r"column c is array<int>"):
        RowReader([Column("c", "array<int>")])
