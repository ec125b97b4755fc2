"""Columns that a table has besides those of its description, for queries that name them.

``"$path"`` is Athena's own: the object that a row lies in. The hash of a text,
``from_big_endian_64(xxhash64(to_utf8(x)))``, is none, but DuckDB has no such function, and one in Python
would need numpy: it is therefore a column to the engine, which reckons it while it reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp
from xxhash import xxh64_intdigest

from local_cloud.athena.error import not_supported

PATH = "$path"
_MARK = "$"
_HASH = "$xxhash64 "
_ROWS_OF_A_BATCH = 65_536

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


def is_hidden(column: str) -> bool:
    """Whether a column is none of the table's description."""
    return column.startswith(_MARK)


def reveal(tree: exp.Expr) -> dict[str, str]:
    """Make columns of the hashes in a query; all hidden columns that it names then, with their types.

    Raises:
        QueryFailedError: a star is beside them, which does not give them in Athena.
    """
    for node in list(tree.find_all(exp.Anonymous)):
        if (column := _hashed_column(node)) is not None:
            name = exp.to_identifier(_HASH + column.name.lower(), quoted=True)
            node.replace(exp.Column(this=name, table=column.args.get("table")))
    found = {column.name for column in tree.find_all(exp.Column) if is_hidden(column.name)}
    if found and any(select.is_star for select in tree.find_all(exp.Select)):
        raise not_supported(f"a star beside {', '.join(sorted(found))}")
    return {name: "bigint" if name.startswith(_HASH) else "varchar" for name in found}


def _hashed_column(node: exp.Anonymous) -> exp.Column | None:
    """The column of ``from_big_endian_64(xxhash64(to_utf8(column)))``."""
    if node.name.lower() != "from_big_endian_64" or len(node.expressions) != 1:
        return None
    (digest,) = node.expressions
    if not isinstance(digest, exp.Anonymous) or digest.name.lower() != "xxhash64":
        return None
    (encoded,) = digest.expressions
    column = encoded.this if isinstance(encoded, exp.Encode) else None
    return column if isinstance(column, exp.Column) else None


@dataclass(frozen=True, slots=True)
class HiddenPart:
    """An object of a table as a file, and the values of its partition."""

    file: str
    object: str
    partition: Mapping[str, int]


def reader(parts: Sequence[HiddenPart], columns: Mapping[str, str]) -> pa.RecordBatchReader:
    """The rows of these objects: the given columns, by Hive's types, hidden ones too. It is read once."""
    schema = pa.schema(
        [(name, pa.string() if name == PATH else _TYPES["bigint" if is_hidden(name) else kind])
         for name, kind in columns.items()]
    )  # fmt: skip
    return pa.RecordBatchReader.from_batches(schema, _batches(parts, schema))


def _batches(parts: Sequence[HiddenPart], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for part in parts:
        with pq.ParquetFile(part.file, coerce_int96_timestamp_unit="us") as file:
            stored = {name.lower(): name for name in file.schema_arrow.names}
            wanted = {name.removeprefix(_HASH) for name in schema.names} & stored.keys()
            # Without any column, a batch would not say how many rows it has.
            read = sorted(stored[name] for name in wanted) or file.schema_arrow.names[:1]
            for found in file.iter_batches(_ROWS_OF_A_BATCH, columns=read):
                batch = found.rename_columns([name.lower() for name in found.schema.names])
                arrays = [_array(field, batch, part) for field in schema]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(field: pa.Field, batch: pa.RecordBatch, part: HiddenPart) -> pa.Array:
    name, rows = field.name, batch.num_rows
    if name == PATH:
        return pa.repeat(pa.scalar(part.object, field.type), rows)
    if name.startswith(_HASH):
        texts = batch.column(name.removeprefix(_HASH)).cast(pa.binary()).to_pylist()
        return _signed_array([None if text is None else xxh64_intdigest(text) for text in texts])
    if name in part.partition:
        return pa.repeat(pa.scalar(part.partition[name], field.type), rows)
    if name not in batch.schema.names:
        return pa.nulls(rows, field.type)
    return batch.column(name).cast(field.type)


def _signed_array(digests: Sequence[int | None]) -> pa.Array:
    """Unsigned numbers of 64 bits, as signed ones of the same bits."""
    return pa.array(digests, pa.uint64()).view(pa.int64())
