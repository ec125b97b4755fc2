"""Which columns of a Parquet file can be read as the type that the table declares.

Athena's engine refuses the rest, where DuckDB would cast: text or a fraction where an integer is declared
is an error, and no number. Trino 483 was asked for each pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
from pyarrow import types

from local_cloud.athena.error import QueryFailedError

_Holds = Callable[[pa.DataType], bool]


def _is_text(kind: pa.DataType) -> bool:
    readable = (
        *(types.is_string, types.is_large_string, types.is_binary, types.is_large_binary),
        *(types.is_integer, types.is_floating, types.is_decimal, types.is_null),
    )
    return any(holds(kind) for holds in readable)


def _is_whole(kind: pa.DataType) -> bool:
    whole = types.is_decimal(kind) and kind.scale == 0
    return bool(types.is_integer(kind) or types.is_null(kind) or whole)


_READABLE: Mapping[str, _Holds] = {
    "string": _is_text,
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), _is_whole),
    "timestamp": types.is_timestamp,
    "boolean": types.is_boolean,
}
"""By the declared type; of others DuckDB's cast decides."""


def check_column(name: str, declared: str, found: pa.DataType, place: str) -> None:
    """Refuse a column of the file at `place` that cannot be read as it is declared.

    Raises:
        QueryFailedError: it cannot.
    """
    is_readable = _READABLE.get(declared)
    if is_readable is not None and not is_readable(found):
        reason = f"Field {name}'s type {found} in parquet file {place} is incompatible with type {declared}"
        raise QueryFailedError("HIVE_BAD_DATA", f"{reason} defined in table schema")
