"""One query in Athena's SQL, made into DuckDB's with the schema of its tables.

A bare transpilation is silently wrong: integer division and ``date_diff`` depend on types.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import OptimizeError, ParseError, SqlglotError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from local_cloud.athena.error import QueryFailedError, QuerySyntaxError, not_supported
from local_cloud.athena.hidden_names import reveal
from local_cloud.athena.partition_filter import PartitionFilter
from local_cloud.athena.rewrites import refuse_unknown, rewrite, settle_types

CATALOG = "awsdatacatalog"

_UNRESOLVED = re.compile(
    r"Column '\"?(?:[^']*\.)?\"?([^'\".]+)\"?' could not be resolved|Unknown column: (.+)"
)
_TRINO_TYPES = {"string": "varchar", "int": "integer"}
_HIVE_TYPE = re.compile(
    r"string|tinyint|smallint|int|bigint|double|float|boolean|timestamp|date|decimal\(.*\)"
)

Schema = Mapping[str, str]
"""The columns of a table and their types by Hive's names."""

FindTable = Callable[[str, str], Schema | None]
"""Gives the schema of a table of a database, or ``None``."""


@dataclass(frozen=True, slots=True)
class TableUse:
    """One place at which a query names a table: under the name ``view``, these columns, these partitions."""

    view: str
    database: str
    table: str
    columns: frozenset[str]
    partitions: PartitionFilter
    readings: tuple[frozenset[str], ...] = ()
    """The columns of each reading: Athena reads a part of a WITH clause anew wherever it is named."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What DuckDB is to run, and the names of the columns of the result as Athena gives them."""

    sql: str
    labels: tuple[str, ...]
    tables: tuple[TableUse, ...] = field(default=())


def plan(text: str, parameters: Sequence[str], database: str, find_table: FindTable) -> QueryPlan:
    """Make a plan for a query.

    Raises:
        QuerySyntaxError: the text is no query, or the parameters do not fit it.
        QueryFailedError: the query uses what is not there, or what the local Athena cannot run.
    """
    tree = parse(text, parameters)
    labels = _written_labels(tree)
    try:
        return _plan(tree, labels, database, find_table)
    except OptimizeError as error:
        raise _unresolved(error, _bound(text, parameters)) from error
    except SqlglotError as error:
        raise QueryFailedError("GENERIC_USER_ERROR", str(error)) from error


def parse(text: str, parameters: Sequence[str] = ()) -> exp.Query:
    """The query as written, its parameters put in.

    Raises:
        QuerySyntaxError: the text is no single statement, or the parameters do not fit it.
        QueryFailedError: the statement is no query.
    """
    try:
        statements = [tree for tree in sqlglot.parse(_bound(text, parameters), read="trino") if tree]
    except ParseError as error:
        raise QuerySyntaxError(_syntax_error(error)) from error
    except TokenError as error:
        raise QuerySyntaxError(f"line 1:1: {error}") from error
    if len(statements) != 1:
        raise QuerySyntaxError(f"Only one sql statement is allowed. Got {len(statements)}.")
    (tree,) = statements
    if not isinstance(tree, exp.Query) or isinstance(tree, exp.Table):
        raise not_supported(f"the statement {tree.key.upper()}: it runs queries")
    return tree


def _syntax_error(error: ParseError) -> str:
    first: dict[str, object] = error.errors[0] if error.errors else {"description": str(error)}
    return f"line {first.get('line', 1)}:{first.get('col', 1)}: {first['description']}"


def _bound(text: str, parameters: Sequence[str]) -> str:
    """The text with a literal in the place of each question mark, in order."""
    places = [t.start for t in Trino().tokenize(text) if t.token_type is TokenType.PLACEHOLDER]
    if len(places) != len(parameters):
        raise QuerySyntaxError(
            f"Incorrect number of parameters: expected {len(places)} but found {len(parameters)}"
        )
    for place, parameter in zip(reversed(places), reversed(parameters), strict=True):
        text = f"{text[:place]} {_literal(parameter)} {text[place + 1 :]}"
    return text


def _literal(parameter: str) -> str:
    """A parameter is a literal in SQL's own form: text has its quotes."""
    try:
        value = sqlglot.parse_one(parameter, read="trino")
    except SqlglotError as error:
        raise QuerySyntaxError(f"{parameter} is not a literal") from error
    inner = value.this if isinstance(value, exp.Neg | exp.Cast) else value
    if not isinstance(inner, exp.Literal | exp.Boolean | exp.Null):
        raise QuerySyntaxError(f"{parameter} is not a literal: text needs quotes")
    return value.sql("trino")


def _plan(tree: exp.Query, labels: Sequence[str | None], database: str, find_table: FindTable) -> QueryPlan:
    hidden = reveal(tree)
    refuse_unknown(tree)
    schema = MappingSchema(dialect="trino")
    for table in _tables(tree):
        _resolve(table, database, find_table, schema, hidden)
    settle_types(tree)
    qualified: Any = qualify(tree, dialect="trino", schema=schema, expand_alias_refs=False)
    annotated: Any = annotate_types(qualified, schema=schema, dialect="trino")
    names = [projection.alias_or_name for projection in annotated.selects]
    uses = _name_uses(annotated)
    rewrite(annotated)
    return QueryPlan(annotated.sql("duckdb"), _labels(labels, names), uses)


def _tables(tree: exp.Expr) -> list[exp.Table]:
    """The places at which the query reads a table and not a part of itself."""
    scopes: list[Scope] = traverse_scope(tree)
    sources = [source for scope in scopes for _, source in scope.selected_sources.values()]
    return [source for source in sources if isinstance(source, exp.Table)]


def _resolve(
    table: exp.Table, database: str, find_table: FindTable, schema: MappingSchema, hidden: Schema
) -> None:
    """Look the table up and add its columns to ``schema``, the hidden ones that the query names too."""
    catalog, name = table.catalog.lower() or CATALOG, table.name.lower()
    holder = table.db.lower() or database.lower()
    columns = find_table(holder, name) if catalog == CATALOG else None
    if columns is None:
        raise QueryFailedError(
            "TABLE_NOT_FOUND", f"{_place(table.this)}Table '{catalog}.{holder}.{name}' does not exist"
        )
    table.set("catalog", None)
    table.set("db", exp.to_identifier(holder))
    types = {column: _trino_type(kind) for column, kind in columns.items()} | dict(hidden)
    schema.add_table(exp.table_(name, db=holder), types, dialect="trino", match_depth=False)


def _trino_type(hive_type: str) -> str:
    if not _HIVE_TYPE.fullmatch(hive_type):
        raise not_supported(f"a column of type {hive_type}")
    return _TRINO_TYPES.get(hive_type, hive_type)


def _name_uses(tree: exp.Expr) -> tuple[TableUse, ...]:
    """Give each place that reads a table a view of its own."""
    tables = _tables(tree)
    originals = [(table.db, table.name) for table in tables]
    for number, table in enumerate(tables):
        table.set("db", None)
        table.set("this", exp.to_identifier(f"lake_{number}", quoted=True))
    columns = _columns_of_views(tree)
    readings = _columns_of_views(_written_out(tree))
    filters = _filters_of_views(tree)
    return tuple(
        TableUse(
            table.name,
            database,
            name,
            frozenset().union(*columns[table.name]),
            filters[table.name],
            tuple(readings[table.name]),
        )
        for table, (database, name) in zip(tables, originals, strict=True)
    )


def _columns_of_views(tree: exp.Expr) -> defaultdict[str, list[frozenset[str]]]:
    """The columns that the result depends on, for each view, at each place where it is read."""
    needed: Any = pushdown_projections(tree.copy())
    found: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
    for scope in traverse_scope(needed):
        for alias, (_, source) in scope.selected_sources.items():
            if isinstance(source, exp.Table):
                found[source.name].append(
                    frozenset(column.name for column in scope.columns if column.table == alias)
                )
    return found


def _written_out(tree: exp.Expr) -> exp.Expr:
    """The query with each part of a WITH clause wherever it is named."""
    written = tree.copy()
    while (clause := written.find(exp.With)) is not None:
        clause.pop()
        parts = {part.alias: part for part in clause.expressions}
        for part in parts.values():
            _put_in(part.this, parts)
        _put_in(written, parts)
    return written


def _put_in(tree: exp.Expr, parts: Mapping[str, exp.CTE]) -> None:
    for table in list(tree.find_all(exp.Table)):
        if not table.db and table.name in parts:
            part = parts[table.name]
            table.replace(part.this.copy().subquery(table.alias_or_name))


def _filters_of_views(tree: exp.Expr) -> dict[str, PartitionFilter]:
    filters: dict[str, PartitionFilter] = {}
    for scope in traverse_scope(tree):
        for alias, (_, source) in scope.selected_sources.items():
            if isinstance(source, exp.Table):
                filters[source.name] = PartitionFilter.of(scope.expression, alias)
    return filters


def _written_labels(tree: exp.Query) -> list[str | None]:
    """The names of the columns of the result as the query writes them; ``None`` stands for a star."""
    return [_written_label(index, projection) for index, projection in enumerate(tree.selects)]


def _written_label(index: int, projection: exp.Expr) -> str | None:
    if projection.is_star:
        return None
    if isinstance(projection, exp.Alias | exp.Column):
        return projection.alias_or_name
    return f"_col{index}"


def _labels(written: Sequence[str | None], names: Sequence[str]) -> tuple[str, ...]:
    if None not in written:
        return tuple(label or "" for label in written)
    spelled = {label.lower(): label for label in written if label is not None}
    return tuple(spelled.get(name, name) for name in names)


def _unresolved(error: OptimizeError, text: str) -> QueryFailedError:
    match = _UNRESOLVED.search(str(error))
    if match is None:
        return QueryFailedError("GENERIC_USER_ERROR", str(error))
    name = match.group(1) or match.group(2)
    column = next((c for c in parse_columns(text) if c.name.lower() == name.lower()), None)
    place = "" if column is None else _place(column.this)
    why = "cannot be resolved or requester is not authorized to access requested resources"
    return QueryFailedError("COLUMN_NOT_FOUND", f"{place}Column '{name}' {why}")


def parse_columns(text: str) -> list[exp.Column]:
    """The columns that a query names, in its order."""
    columns = list(sqlglot.parse_one(text, read="trino").find_all(exp.Column))
    return sorted(columns, key=lambda column: int(column.this.meta.get("start", 0)))


def _place(identifier: exp.Expr) -> str:
    """``line 1:8: ``, as Athena begins its messages, where the place is known."""
    meta = identifier.meta
    if "line" not in meta:
        return ""
    return f"line {meta['line']}:{meta['col'] - (meta['end'] - meta['start'])}: "
