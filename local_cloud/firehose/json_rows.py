"""JSON documents into rows of a table, as the OpenX JSON SerDe reads them.

Keys are lowered before they are matched with columns, fields without a column are left out, numbers and
times may be quoted (https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from local_cloud.glue import Column

Row = tuple[Any, ...]

_SPACE = re.compile(r"[ \t\r\n]*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:T(?=.*Z$)| (?!.*Z$))(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z?"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a timestamp of Hive has no zone; here it is UTC
_MILLISECOND_DIGITS = 13
_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}


class UnfitError(Exception):
    """The data cannot become rows of the table; the text says why."""


class RowReader:
    """Reads documents by the columns of a table."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Choose the columns.

        Raises:
            ValueError: a type that the local cloud does not convert to.
        """
        self.columns = tuple(columns)
        self._converters = [(column.name, _converter(column)) for column in columns]

    def read(self, data: bytes) -> list[Row]:
        """A row for each of the documents, which follow one another with or without space between them.

        Raises:
            UnfitError: something is no JSON object or does not fit its column; then none of it is used.
        """
        return [self._row(document) for document in _documents(data)]

    def _row(self, document: Mapping[str, Any]) -> Row:
        fields = {key.lower(): value for key, value in document.items()}
        return tuple(_converted(name, fields.get(name), converter) for name, converter in self._converters)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _documents(data: bytes) -> Iterator[Mapping[str, object]]:
    try:
        text = data.decode()
        position = _after_space(text, 0)
        while position < len(text):
            document, position = _DECODER.raw_decode(text, position)
            if not isinstance(document, dict):
                raise UnfitError(f"a JSON object is needed, not {type(document).__name__}")
            yield document
            position = _after_space(text, position)
    except (ValueError, RecursionError) as error:
        raise UnfitError(f"no JSON: {error}") from error


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return position if match is None else match.end()


def _converted(name: str, value: object, converter: Callable[[object], object]) -> object:
    if value is None:
        return None
    try:
        return converter(value)
    except (ValueError, OverflowError) as error:
        raise UnfitError(f"column {name}: {error}") from error


def _converter(column: Column) -> Callable[[object], object]:
    if column.type in _INTEGER_BITS:
        return _integer_of(_INTEGER_BITS[column.type])
    converters: dict[str, Callable[[object], object]] = {
        "string": _string,
        "double": _double,
        "boolean": _boolean,
        "timestamp": _timestamp,
    }
    if column.type not in converters:
        raise ValueError(f"column {column.name} is {column.type}, which the local cloud does not convert to")
    return converters[column.type]


def _string(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _integer_of(bits: int) -> Callable[[object], int]:
    bound = 1 << (bits - 1)

    def convert(value: Any) -> int:
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if type(value) is not int:
            raise ValueError(f"{value!r:.100} is not an integer")
        if not -bound <= value < bound:
            raise ValueError(f"{value} has more than {bits} bits")
        return value

    return convert


def _double(value: Any) -> float:
    if isinstance(value, bool | dict | list):
        raise ValueError(f"{value!r:.100} is not a number")
    return float(value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise ValueError(f"{value!r:.100} is neither true nor false")


def _timestamp(value: object) -> datetime:
    """Of the forms that AWS lists; an integer of 13 digits or more counts milliseconds."""
    if isinstance(value, bool | dict | list):
        raise ValueError(f"{value!r:.100} is not a timestamp")
    text = str(value)
    if match := _TIME.fullmatch(text):
        *parts, fraction = match.groups()
        year, month, day, hour, minute, second = map(int, parts)
        microsecond = int((fraction or "0").ljust(6, "0")[:6])
        return datetime(year, month, day, hour, minute, second, microsecond, UTC).replace(tzinfo=None)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r:.100} is not a timestamp")
    if "." in text:
        return _EPOCH + timedelta(milliseconds=int(float(text) * 1000 + 0.5))
    milliseconds = len(text.lstrip("+-")) >= _MILLISECOND_DIGITS
    return _EPOCH + timedelta(**{"milliseconds" if milliseconds else "seconds": int(text)})
