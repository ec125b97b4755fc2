"""The content of plans and of the plans of keys, as items hold it: JSON in one attribute."""

from __future__ import annotations

from typing import Final

import msgspec

from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.item_content import decoding
from metering.quotas.plan import AccountKeys, Assignment, Plan

read_plan: Final = msgspec.json.Decoder(Plan).decode
read_assignment: Final = msgspec.json.Decoder(Assignment).decode


def written(content: Plan | Assignment) -> str:
    """The text of a content."""
    return msgspec.json.encode(content).decode()


def decode_plan(item: Item) -> Plan:
    """The plan of an item.

    Raises:
        UnreadableItem: it holds none; so do the other functions.
    """
    with decoding(item):
        return read_plan(item["content"]["S"])


def decode_account(name: str, item: Item) -> AccountKeys:
    """The account of an item."""
    assignment = decode_assignment(item) if "content" in item else None
    with decoding(item):
        return AccountKeys(name, assignment, frozenset(item["keys"]["SS"] if "keys" in item else ()))


def decode_assignment(item: Item) -> Assignment:
    """The plan of a key, of an item."""
    with decoding(item):
        return read_assignment(item["content"]["S"])
