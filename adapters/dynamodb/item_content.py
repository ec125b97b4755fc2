"""Stored items that may hold anything: edited by hand, or written by a newer version before a roll-back.

What cannot be decoded is named as :class:`metering.errors.UnreadableItem`, never as an error of Python's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, Item
from adapters.dynamodb.layout import decode_position
from metering.errors import UnreadableItem

DECODING_ERRORS: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    struct.error,
    msgspec.MsgspecError,
)
"""Whatever Python raises when an item is not what it should be."""

_MOST_SHOWN: Final = 80


def unreadable(item: Item, error: Exception) -> UnreadableItem:
    """The error for an item, from the one that Python raised."""
    return UnreadableItem(name_of(item), f"{type(error).__name__}: {error}"[:_MOST_SHOWN])


@contextmanager
def decoding(item: Item) -> Iterator[None]:
    """Whatever goes wrong inside is the item's fault.

    Raises:
        UnreadableItem: with the item's name.
    """
    try:
        yield
    except DECODING_ERRORS as error:
        raise unreadable(item, error) from error


def name_of(item: Item) -> str:
    """The key of an item, in quotes: its partition key, and its sort key if it has one."""
    return " ".join(repr(item[name].get("S", "")) for name in ("pk", "sk") if name in item)


def number_of(item: Item, name: str) -> int:
    """The whole number of an attribute.

    Raises:
        UnreadableItem: there is none.
    """
    value = item.get(name, {})
    try:
        return int(value["N"])
    except DECODING_ERRORS as error:
        raise UnreadableItem(name_of(item), f"{name} is {_shown(value)}, no whole number") from error


def position_of(item: Item, name: str) -> int:
    """The position of an attribute.

    Raises:
        UnreadableItem: there is none.
    """
    value = item.get(name, {})
    encoded = value.get("B", b"")
    if not encoded or len(encoded) != 1 + encoded[0]:
        raise UnreadableItem(name_of(item), f"{name} is {_shown(value)}, no position")
    return decode_position(encoded)


def _shown(value: AttributeValue) -> str:
    return repr(dict(value))[:_MOST_SHOWN]
