"""Where Firehose puts an object: prefixes with expressions in them, and the object's own name.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html and s3-object-name.html
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

LONGEST_PREFIX = 512

_EXPRESSION = re.compile(r"!\{([^:}]*):([^}]*)\}")
_DATE_FIELD = re.compile(r"'([^']*)'|([a-zA-Z])\2*|[^a-zA-Z']+")
_DATE_FIELDS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_VERSION = 1


class MissingPartitionKeyError(Exception):
    """The record has no value for a partition key that the prefix names."""


def partition_key_names(prefix: str) -> list[str]:
    """The keys that the transform has to give for each record."""
    return [name for space, name in _EXPRESSION.findall(prefix) if space == "partitionKeyFromLambda"]


def partition_of(prefix: str, keys: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The partition of a record: a value for each key of the prefix.

    Raises:
        MissingPartitionKeyError: a key is absent or empty.
    """
    names = partition_key_names(prefix)
    if missing := [name for name in names if not keys.get(name)]:
        raise MissingPartitionKeyError(
            f"partitionKeys values must not be null or empty: {', '.join(missing)}"
        )
    return tuple((name, keys[name]) for name in names)


def data_prefix(prefix: str, partition: Mapping[str, str], oldest_arrival: datetime) -> str:
    """The prefix of an object with rows.

    Raises:
        ValueError: it holds an expression that has no place there, or becomes too long.
    """
    return _evaluated(prefix, {"partitionKeyFromLambda": partition}, oldest_arrival)


def error_prefix(prefix: str, error_type: str, oldest_arrival: datetime) -> str:
    """The prefix of an object with errors of that type.

    Raises:
        ValueError: it holds an expression that has no place there, or becomes too long.
    """
    return _evaluated(prefix, {"firehose": {"error-output-type": error_type}}, oldest_arrival)


def object_name(delivery_stream: str, now: datetime, extension: str = "") -> str:
    """A name that no other object has."""
    return f"{delivery_stream}-{_VERSION}-{now.astimezone(UTC):%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{extension}"


def _evaluated(prefix: str, values: Mapping[str, Mapping[str, str]], oldest_arrival: datetime) -> str:
    def value(match: re.Match[str]) -> str:
        space, name = match.groups()
        if space == "timestamp":
            return _timestamp(name, oldest_arrival.astimezone(UTC))
        if space == "firehose" and name == "random-string":
            return uuid.uuid4().hex[:11]
        if name not in values.get(space, {}):
            raise ValueError(f"{match.group()} has no value in the prefix {prefix}")
        return values[space][name]

    evaluated = _EXPRESSION.sub(value, prefix)
    if len(evaluated) > LONGEST_PREFIX:
        raise ValueError(f"the prefix {evaluated} is longer than {LONGEST_PREFIX} characters")
    return evaluated


def _timestamp(pattern: str, moment: datetime) -> str:
    """A moment by a pattern of Java's ``DateTimeFormatter``, as far as prefixes use it."""

    def part(match: re.Match[str]) -> str:
        text, quoted, letter = match.group(), match.group(1), match.group(2)
        if quoted is not None:
            return quoted
        if letter is None:
            return text
        if text not in _DATE_FIELDS:
            raise ValueError(f"the local cloud does not know {text} in a timestamp")
        return moment.strftime(_DATE_FIELDS[text])

    return _DATE_FIELD.sub(part, pattern)
