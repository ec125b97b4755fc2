"""Values and columns of a result as Athena prints them."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, overload

import msgspec

from local_cloud.athena.error import not_supported
from local_cloud.spool import Spool, Spooled

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


_ROWS_OF_A_PART = 500


class PrintedRows(Sequence[tuple[Printed, ...]]):
    """The rows of a result, on disk: they stay for as long as their query is known, and may be many. In
    memory there is the place of each part of some hundred rows.
    """

    def __init__(self, rows: Iterable[Sequence[Printed]], spool: Spool) -> None:
        remaining = iter(rows)
        parts = iter(lambda: list(islice(remaining, _ROWS_OF_A_PART)), [])
        self._spool = spool
        self._length = 0
        self._places: list[Spooled] = []
        for part in parts:
            self._length += len(part)
            self._places.append(spool.put(msgspec.msgpack.encode(part)))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[Printed, ...]]:
        return self._from_part(0)

    @overload
    def __getitem__(self, place: int) -> tuple[Printed, ...]: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[tuple[Printed, ...], ...]: ...

    def __getitem__(self, place: int | slice) -> tuple[Printed, ...] | tuple[tuple[Printed, ...], ...]:
        wanted = range(self._length)[place]
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        part = wanted.start // _ROWS_OF_A_PART
        before = part * _ROWS_OF_A_PART
        return tuple(islice(self._from_part(part), wanted.start - before, wanted.stop - before, wanted.step))

    def _from_part(self, number: int) -> Iterator[tuple[Printed, ...]]:
        for place in islice(self._places, number, None):
            yield from _unpacked(self._spool.read(place))


_unpacked = msgspec.msgpack.Decoder(list[tuple[Printed, ...]]).decode


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
