"""Runs a plan on DuckDB, over the Parquet objects of the tables that it reads."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from local_cloud.athena.column_types import check_column
from local_cloud.athena.error import INVALID_CAST, QueryFailedError
from local_cloud.athena.hidden_names import PATH, HiddenPart, is_hidden, reader
from local_cloud.athena.lake_table import LakeObject, LakeTable, UnreadableTableError
from local_cloud.athena.query import QueryPlan, Schema, TableUse, plan
from local_cloud.athena.values import Printed, PrintedRows, ResultColumn, printed
from local_cloud.spool import Spool

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ENGINE_TYPES = {"string": "VARCHAR", "int": "INTEGER", "float": "REAL"}
_MEMORY_LIMIT = "600MB"
_QUERIES_OF_A_DATABASE = 100
"""DuckDB keeps 25 to 50 KB of each query until its database is closed, or for some thousand queries."""
_ROWS_AT_A_TIME = 10_000
_FAILURES_BY_TEXT = {
    "must appear in the GROUP BY clause": "EXPRESSION_NOT_AGGREGATE",
    "out of range": "NUMERIC_VALUE_OUT_OF_RANGE",
}
_FAILURES_BY_KIND: dict[type[duckdb.Error], str] = {
    duckdb.OutOfRangeException: "NUMERIC_VALUE_OUT_OF_RANGE",
    duckdb.ConversionException: INVALID_CAST,
    duckdb.BinderException: "GENERIC_USER_ERROR",
}


@dataclass(frozen=True, slots=True)
class EngineResult:
    """The rows of a query as Athena prints them, and the bytes that it read.

    ``scanned_bytes`` counts the compressed columns that the query needs, of the objects in the partitions
    that it can need, as often as the query reads them.
    """

    columns: tuple[ResultColumn, ...]
    rows: PrintedRows
    scanned_bytes: int


class ScanLimitError(Exception):
    """The query would read more than its workgroup allows."""


@dataclass(frozen=True, slots=True)
class _File:
    """A Parquet object on disk: its columns, their types and their compressed bytes; names in lower case."""

    path: str
    column_types: Mapping[str, pa.DataType]
    column_bytes: Mapping[str, int]


class ObjectCache:
    """Objects of S3 as files, which are immutable as the objects of the lake are; gone with this object."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3
        self.folder = Path(tempfile.mkdtemp(prefix="usage-meter-lake-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def file(self, table: LakeTable, entry: LakeObject) -> _File:
        """The file of an object, fetched if it is not here yet. Its folders name its partition as Hive does.

        Raises:
            QueryFailedError: the object is no Parquet file.
        """
        name = sha256(f"{table.bucket} {entry.key} {entry.etag}".encode()).hexdigest()
        values = zip(table.partition_keys, entry.partition, strict=True)
        path = self.folder.joinpath(*[f"{key.name}={value}" for key, value in values], f"{name}.parquet")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fetch(table.bucket, entry.key, path)
        try:
            return _described(str(path))
        except (OSError, pa.ArrowException) as error:
            reason = f"Error opening Hive split s3://{table.bucket}/{entry.key}: {error}"
            raise QueryFailedError("HIVE_BAD_DATA", reason) from error

    def _fetch(self, bucket: str, key: str, path: Path) -> None:
        body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as part:
            part.write(body)
        os.replace(part.name, path)  # noqa: PTH105 - atomic, whoever else fetches the same


Query = tuple[str, tuple[str, ...], str]
"""Its text, its parameters, and the database whose tables it may name alone."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, and the schemas that it was made with: it is good as long as they are the same."""

    plan: QueryPlan
    schemas: Mapping[tuple[str, str], Schema | None]


plans: Final[dict[Query, _Planned]] = {}
_MOST_PLANS: Final = 1000
"""Of this process: a plan depends on the query and its schemas alone, whichever cloud it is for."""
_LONGEST_PLANNED: Final = 10_000
"""Characters of a query whose plan is kept: a longer one lists values, and is not sent again. Its plan may
take megabytes.
"""


class AthenaEngine:
    """Queries over the tables of a cloud's Glue catalog. Its methods may be called from several threads."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """``client`` gives the boto3 client of a service."""
        self._glue = client("glue")
        self._s3 = client("s3")
        self._cache = ObjectCache(self._s3)
        self._databases = Databases(self._cache.folder)
        self._results = Spool()

    def prepare(self, text: str, parameters: Sequence[str], database: str) -> QueryPlan:
        """What is to be run for a query.

        Raises:
            QuerySyntaxError: it is none.
            QueryFailedError: it cannot be run.
        """
        query = (text, tuple(parameters), database)
        planned = plans.get(query)
        if planned is None or any(self._schema(*name) != schema for name, schema in planned.schemas.items()):
            planned = self._planned(*query)
            if len(plans) >= _MOST_PLANS:
                plans.clear()
            if len(text) <= _LONGEST_PLANNED:
                plans[query] = planned
        return planned.plan

    def _planned(self, text: str, parameters: Sequence[str], database: str) -> _Planned:
        schemas: dict[tuple[str, str], Schema | None] = {}

        def find_table(database: str, table: str) -> Schema | None:
            return schemas.setdefault((database, table), self._schema(database, table))

        return _Planned(plan(text, parameters, database, find_table), schemas)

    def run(
        self, prepared: QueryPlan, connection: duckdb.DuckDBPyConnection, scan_limit: int
    ) -> EngineResult:
        """Run a plan on a connection of its own, which another thread may interrupt.

        Raises:
            QueryFailedError: the query failed.
            ScanLimitError: it would read more than ``scan_limit`` bytes.
            duckdb.InterruptException: it was interrupted.
        """
        scanned = 0
        for use in prepared.tables:
            scanned += self._make_view(use, connection)
        if scanned > scan_limit:
            raise ScanLimitError(f"Bytes scanned limit was exceeded: {scanned} of {scan_limit}")
        columns, rows = _fetch(connection, prepared, self._results)
        return EngineResult(columns, rows, scanned)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection for one query, which can read fetched objects and nothing else."""
        connection = self._databases.cursor()
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def store(self, bucket: str, key: str, body: bytes) -> None:
        """Write the object of a result."""
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)

    def _schema(self, database: str, table: str) -> Schema | None:
        found = self._table(database, table)
        return None if found is None else found.schema

    def _table(self, database: str, table: str) -> LakeTable | None:
        try:
            described = self._glue.get_table(DatabaseName=database, Name=table)["Table"]
            return LakeTable.from_glue(described)
        except self._glue.exceptions.EntityNotFoundException:
            return None
        except UnreadableTableError as error:
            raise QueryFailedError("NOT_SUPPORTED", f"{database}.{table}: {error}") from error

    def _make_view(self, use: TableUse, connection: duckdb.DuckDBPyConnection) -> int:
        """Make the view of a table; the bytes that it reads."""
        table = self._table(use.database, use.table)
        if table is None:
            raise QueryFailedError("TABLE_NOT_FOUND", f"Table '{use.database}.{use.table}' does not exist")
        objects = [entry for entry in table.objects(self._s3) if _is_needed(entry, table, use)]
        objects.sort(key=_partition_and_key)
        files = [self._cache.file(table, entry) for entry in objects]
        for entry, file in zip(objects, files, strict=True):
            _check_columns(table, use, file, f"s3://{table.bucket}/{entry.key}")
        if any(map(is_hidden, use.columns)):
            connection.register(use.view, _reader(table, use, objects, files))
        else:
            body = _select(table, files) if files else _empty(table)
            connection.execute(f"CREATE TEMP VIEW {use.view} AS {body}")
        columns = [column for reading in use.readings for column in reading]
        return sum(file.column_bytes.get(column, 0) for file in files for column in columns)


class Databases:
    """One empty database after the other. For any number of threads."""

    def __init__(self, folder: Path) -> None:
        """They can read the files of the folder."""
        self._folder = folder
        self._lock = threading.Lock()
        self._database = _open(folder)
        self._queries = 0

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection, which keeps its database as long as it is open."""
        with self._lock:
            if self._queries == _QUERIES_OF_A_DATABASE:
                self._database, self._queries = _open(self._folder), 0
            self._queries += 1
            return self._database.cursor()


def _open(folder: Path) -> duckdb.DuckDBPyConnection:
    """An empty database that can read the files of a folder, and nothing else."""
    database = duckdb.connect()
    database.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
    database.execute(f"SET allowed_directories = ['{folder}']")
    database.execute("SET enable_external_access = false")
    return database


def _check_columns(table: LakeTable, use: TableUse, file: _File, place: str) -> None:
    for column in table.columns:
        if column.name in use.columns and column.name in file.column_types:
            check_column(column.name, column.type, file.column_types[column.name], place)


def _reader(
    table: LakeTable, use: TableUse, objects: Sequence[LakeObject], files: Sequence[_File]
) -> pa.RecordBatchReader:
    """The rows of all files with hidden columns, and no others than the query needs."""
    names = [key.name for key in table.partition_keys]
    parts = [
        HiddenPart(
            file.path, f"s3://{table.bucket}/{entry.key}", dict(zip(names, entry.partition, strict=True))
        )
        for entry, file in zip(objects, files, strict=True)
    ]
    hidden = {name: "" for name in sorted(use.columns) if is_hidden(name)}
    return reader(parts, {**{n: kind for n, kind in table.schema.items() if n in use.columns}, **hidden})


@lru_cache(maxsize=4096)
def _described(path: str) -> _File:
    metadata = pq.read_metadata(path)
    sizes: dict[str, int] = {}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            name = chunk.path_in_schema.lower()
            sizes[name] = sizes.get(name, 0) + chunk.total_compressed_size
    schema = metadata.schema.to_arrow_schema()
    names = [name.lower() for name in schema.names]
    return _File(path, dict(zip(names, schema.types, strict=True)), sizes)


def _partition_and_key(entry: LakeObject) -> tuple[tuple[int, ...], str]:
    return entry.partition, entry.key


def _is_needed(entry: LakeObject, table: LakeTable, use: TableUse) -> bool:
    """Whether a query can need an object, by its partition and its name: no other is opened."""
    names = [key.name for key in table.partition_keys]
    partition = dict(zip(names, entry.partition, strict=True))
    return use.partitions.may_hold({**partition, PATH: f"s3://{table.bucket}/{entry.key}"})


def _select(table: LakeTable, files: Sequence[_File]) -> str:
    """The rows of all files, read as one: a part of the query for each would take half as long again.

    A column that a file does not have is NULL there, as for a table that has grown.
    """
    present = {name for file in files for name in file.column_types}
    columns = [
        _column(column.name, column.type, _quoted(column.name) if column.name in present else "NULL")
        for column in table.columns
    ]
    columns += [_column(key.name, key.type, _quoted(key.name)) for key in table.partition_keys]
    paths = ", ".join(f"'{file.path}'" for file in files)
    options = ["union_by_name = true"]
    if table.partition_keys:
        types = ", ".join(f"{_quoted(key.name)}: BIGINT" for key in table.partition_keys)
        options += ["hive_partitioning = true", f"hive_types = {{{types}}}"]
    source = f"read_parquet([{paths}], {', '.join(options)})"
    return f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - of the table's own names


def _empty(table: LakeTable) -> str:
    columns = [_column(name, kind, "NULL") for name, kind in table.schema.items()]
    return f"SELECT {', '.join(columns)} WHERE false"


def _column(name: str, hive_type: str, value: str) -> str:
    return f"CAST({value} AS {_ENGINE_TYPES.get(hive_type, hive_type)}) AS {_quoted(name)}"


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def _fetch(
    connection: duckdb.DuckDBPyConnection, prepared: QueryPlan, results: Spool
) -> tuple[tuple[ResultColumn, ...], PrintedRows]:
    try:
        relation = connection.execute(prepared.sql)
        types = [str(entry[1]) for entry in relation.description or []]
        columns = tuple(map(ResultColumn.of, prepared.labels, types))
        return columns, PrintedRows(_printed_rows(_rows(relation)), results)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise _translated(error) from error


def _rows(relation: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Any]]:
    """The rows of a result, many at a time: one by one would take as long as to find them."""
    return chain.from_iterable(iter(partial(relation.fetchmany, _ROWS_AT_A_TIME), []))


def _printed_rows(rows: Iterable[Sequence[object]]) -> Iterable[tuple[Printed, ...]]:
    return (tuple(map(printed, row)) for row in rows)


def _translated(error: duckdb.Error) -> QueryFailedError:
    """A failure of the engine in Athena's words."""
    text = str(error).partition(": ")[2].partition("\n")[0]
    if text.startswith(INVALID_CAST):
        return QueryFailedError(INVALID_CAST, text.removeprefix(f"{INVALID_CAST}: "))
    if "Division by zero" in text:
        return QueryFailedError("DIVISION_BY_ZERO", "Division by zero")
    return QueryFailedError(_failure_code(error, text), text)


def _failure_code(error: duckdb.Error, text: str) -> str:
    by_text = (code for part, code in _FAILURES_BY_TEXT.items() if part in text)
    by_kind = (code for kind, code in _FAILURES_BY_KIND.items() if isinstance(error, kind))
    return next(by_text, None) or next(by_kind, "GENERIC_INTERNAL_ERROR")
