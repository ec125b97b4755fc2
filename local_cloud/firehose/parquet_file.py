"""Rows into the bytes of a Parquet object.

Timestamps are written as INT96, as Hive's own Parquet serialiser writes them, which Firehose runs. Athena and
DuckDB read those as ``timestamp`` without a zone, and so does every version of Hive, which cannot be said of
the newer INT64 types.
"""

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from local_cloud.firehose.json_rows import Row
from local_cloud.glue import Column

_TYPES = {
    "string": pa.string(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}


def parquet(rows: Sequence[Row], columns: Sequence[Column], compression: str = "SNAPPY") -> bytes:
    """A file with these rows in these columns."""
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in columns])
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [pa.array(value, kind) for value, kind in zip(values, schema.types, strict=True)]
    target = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        target,
        compression="NONE" if compression == "UNCOMPRESSED" else compression,
        use_deprecated_int96_timestamps=True,
    )
    return target.getvalue()
