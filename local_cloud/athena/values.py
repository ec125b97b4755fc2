"""Values and columns of a result as Athena prints them."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, overload

import msgspec

from local_cloud.athena.error import not_supported

Printed = str | None

_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_TYPES = {
    "VARCHAR": ("varchar", 2147483647, 0),
    "TINYINT": ("tinyint", 3, 0),
    "SMALLINT": ("smallint", 5, 0),
    "INTEGER": ("integer", 10, 0),
    "BIGINT": ("bigint", 19, 0),
    "FLOAT": ("float", 17, 0),
    "DOUBLE": ("double", 17, 0),
    "BOOLEAN": ("boolean", 0, 0),
    "DATE": ("date", 0, 0),
    "TIMESTAMP": ("timestamp", 3, 0),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", 3, 0),
    "BLOB": ("varbinary", 1073741824, 0),
    '"NULL"': ("unknown", 0, 0),
}
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result, its type by Athena's name."""

    name: str
    type: str
    precision: int
    scale: int

    @classmethod
    def of(cls, name: str, engine_type: str) -> "ResultColumn":
        """The column for a type of the engine.

        Raises:
            QueryFailedError: a type that the local Athena does not print.
        """
        if match := _DECIMAL.fullmatch(engine_type):
            return cls(name, "decimal", int(match.group(1)), int(match.group(2)))
        if engine_type not in _TYPES:
            raise not_supported(f"a result of type {engine_type} ({name})")
        return cls(name, *_TYPES[engine_type])

    def described(self) -> dict[str, Any]:
        """As ``ResultSetMetadata`` lists it."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type == "varchar",
        }


class PrintedRows(Sequence[tuple[Printed, ...]]):
    """The rows of a result, packed: they stay for as long as their query is known, and may be many."""

    def __init__(self, rows: Iterable[Sequence[Printed]]) -> None:
        self._packed = [msgspec.msgpack.encode(row) for row in rows]

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, place: int) -> tuple[Printed, ...]: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[tuple[Printed, ...], ...]: ...

    def __getitem__(self, place: int | slice) -> tuple[Printed, ...] | tuple[tuple[Printed, ...], ...]:
        if isinstance(place, slice):
            return tuple(map(_unpacked, self._packed[place]))
        return _unpacked(self._packed[place])


_unpacked = msgspec.msgpack.Decoder(tuple[Printed, ...]).decode


def printed(value: Any) -> Printed:
    """A value as Athena prints it; ``None`` for NULL."""
    if value is None:
        return None
    return _PRINTERS.get(type(value), str)(value)


def csv(columns: Sequence[ResultColumn], rows: Iterable[Sequence[Printed]]) -> bytes:
    """The object that Athena writes: every value in quotes, NULL as nothing at all."""
    return "".join(_csv_lines(columns, rows)).encode()


def _csv_lines(columns: Sequence[ResultColumn], rows: Iterable[Sequence[Printed]]) -> Iterator[str]:
    yield _csv_line([column.name for column in columns])
    for row in rows:
        yield _csv_line(row)


def _csv_line(values: Sequence[Printed]) -> str:
    return ",".join("" if value is None else _quoted(value) for value in values) + "\n"


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _double(value: float) -> str:
    """As Java prints it: plain from 0.001 to 10 million, with an exponent outside."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return f"{Decimal(repr(value)):f}"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def _timestamp(value: datetime) -> str:
    zone = "" if value.tzinfo is None else " UTC"
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}{zone}"


_PRINTERS: dict[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    float: _double,
    Decimal: lambda value: f"{value:f}",
    datetime: _timestamp,
    date: date.isoformat,
    bytes: lambda value: value.hex(" "),
}
