"""Parquet objects of the lake, by the table in Glue: the same columns and types as Firehose writes.

For jobs on an operator's machine: pyarrow, which writes them, is not deployed to Lambda.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.errors import translated
from adapters.s3.bucket import Bucket
from metering.calls.lake_row import COLUMNS, LakeRow
from metering.errors import Misconfigured
from metering.period import Period

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_s3 import S3Client

_TYPES: Final = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}


class GlueColumn(NamedTuple):
    """A column of the table, its type by Hive's name."""

    name: str
    type: str


class LakeWriter:
    """Writes rows of a day into the table's folder for it."""

    def __init__(self, s3: S3Client, columns: Sequence[GlueColumn], location: str) -> None:
        """`location` is the table's location template, with `${year}`, `${month}` and `${day}`.

        Raises:
            Misconfigured: a column has a type that no row has.
        """
        unknown = [column for column in columns if column.type not in _TYPES]
        if unknown:
            raise Misconfigured([f"column {column.name} is {column.type}" for column in unknown])
        self._s3 = s3
        self._columns = tuple(columns)
        self._location = location

    @classmethod
    def from_glue(cls, s3: S3Client, glue: GlueClient, database: str, table: str) -> Self:
        """A writer for a table.

        Raises:
            Misconfigured: there is no such table, or it is not the meter's.
            Transient: Glue does not answer.
        """
        with translated(f"GetTable of {database}.{table}"):
            found = glue.get_table(DatabaseName=database, Name=table)["Table"]
        location = found.get("Parameters", {}).get("storage.location.template")
        if location is None:
            raise Misconfigured(
                [f"{database}.{table} has no storage.location.template: it is not the table of a lake"]
            )
        columns = [
            GlueColumn(column["Name"], column["Type"]) for column in found["StorageDescriptor"]["Columns"]
        ]
        return cls(s3, columns, location)

    def write(self, day: Period, name: str, rows: Sequence[LakeRow]) -> int:
        """Write an object of this name with rows of a day, in place of any that has it; its size in bytes.

        Raises:
            Misconfigured: a column of the table does not take what its rows hold, or S3 refuses.
            Transient: S3 does not answer.
        """
        content = parquet(rows, self._columns)
        bucket, _, folder = self._folder(day).partition("/")
        Bucket(self._s3, bucket).put(f"{folder}{name}.parquet", content)
        return len(content)

    def _folder(self, day: Period) -> str:
        """Bucket and folder of a day, by the table's location template."""
        location = self._location.removeprefix("s3://").rstrip("/") + "/"
        for part, value in zip(("year", "month", "day"), day.split("-"), strict=True):
            location = location.replace(f"${{{part}}}", value)
        return location


def parquet(rows: Sequence[LakeRow], columns: Sequence[GlueColumn]) -> bytes:
    """The rows in these columns; one that rows do not have is empty. Timestamps are INT96, as Firehose's are.

    Raises:
        Misconfigured: a column does not take what the rows hold.
    """
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in columns])
    table = pa.Table.from_arrays([_array(rows, column) for column in columns], schema=schema)
    target = io.BytesIO()
    pq.write_table(table, target, compression="SNAPPY", use_deprecated_int96_timestamps=True)
    return target.getvalue()


def _array(rows: Sequence[LakeRow], column: GlueColumn) -> pa.Array:
    value = _value(column)
    try:
        return pa.array([value(row) for row in rows], _TYPES[column.type])
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
        raise Misconfigured([f"column {column.name} is {column.type}: {error}"]) from error


def _value(column: GlueColumn) -> Callable[[LakeRow], object]:
    if column.name not in COLUMNS:
        return lambda _row: None
    if column.type == "timestamp":
        return lambda row: datetime.fromisoformat(getattr(row, column.name))
    return lambda row: getattr(row, column.name)
