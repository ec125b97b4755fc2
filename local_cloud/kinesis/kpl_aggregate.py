"""The user records within a record of the Kinesis Producer Library.

An aggregate is four magic bytes, a Protocol Buffers message and the MD5 of that message
(https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\xf3\x89\x9a\xc2"

_DIGEST_BYTES = 16
_KEYS, _RECORDS = 1, 3
_KEY_INDEX, _DATA = 1, 3
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class UserRecord:
    """What a producer put: its partition key and its data."""

    partition_key: str
    data: bytes


class _NoMessageError(ValueError):
    """The bytes are no message of this format."""


def user_records(data: bytes) -> list[UserRecord] | None:
    """The user records of an aggregate in order, or ``None`` if ``data`` is none, or a damaged one."""
    message, digest = data[len(MAGIC) : -_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not data.startswith(MAGIC) or hashlib.md5(message, usedforsecurity=False).digest() != digest:
        return None
    try:
        fields = list(_fields(message))
        keys = [value.decode() for number, _, value in fields if number == _KEYS]
        return [_user_record(value, keys) for number, _, value in fields if number == _RECORDS]
    except (ValueError, IndexError):
        return None


def _user_record(message: bytes, keys: list[str]) -> UserRecord:
    values = {number: (integer, value) for number, integer, value in _fields(message)}
    if _KEY_INDEX not in values or _DATA not in values:
        raise _NoMessageError("a user record without partition key or data")
    return UserRecord(keys[values[_KEY_INDEX][0]], values[_DATA][1])


def _fields(message: bytes) -> Iterator[Field]:
    """Each field's number and its value, as an integer or as bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        integer, length = 0, {_FIXED64: 8, _FIXED32: 4}.get(wire_type, 0)
        if wire_type == _VARINT:
            integer, position = _varint(message, position)
        elif wire_type == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
        elif not length:
            raise _NoMessageError(f"wire type {wire_type}")
        if position + length > len(message):
            raise _NoMessageError("a field beyond the end")
        yield number, integer, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """An integer in groups of seven bits, the lowest first, and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
