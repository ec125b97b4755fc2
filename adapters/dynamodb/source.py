"""What the watch knows of the source, in the counters table: one item.

Names of log groups are repeated in each reading and gap. Fifty groups with names of 512 characters, as long
as they may be, would not fit into an item: what is long is compressed. What is short stays text, as it was
written from the beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from adapters.dynamodb.layout import SOURCE, SOURCE_STATE
from adapters.dynamodb.table import Table
from metering.source.state import SourceState

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_NONE_OR_THAT_VERSION: Final = "attribute_not_exists(#version) OR #version = :before"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(SourceState).decode

_LONG: Final = 100_000
"""Bytes from which on a state is compressed; an item takes 400 KB."""
_TEXT: Final = b"{"
"""How a state begins that is not compressed."""


class SourceBook:
    """Reads and writes it."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def load(self) -> SourceState:
        """What is known, as it was written last.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        for item in self._table.query(SOURCE):
            return _decode(_unpacked(item["content"]["B"]))
        return SourceState()

    def save(self, state: SourceState) -> bool:
        """Write what is known in place of the version before it: whether that was still there.

        Raises:
            Transient, Misconfigured: the table cannot be written.
        """
        return self._table.put_if(
            {
                "pk": {"S": SOURCE},
                "sk": {"S": SOURCE_STATE},
                "version": {"N": str(state.version)},
                "content": {"B": _packed(_encode(state))},
            },
            _NONE_OR_THAT_VERSION,
            {"#version": "version"},
            {":before": {"N": str(state.version - 1)}},
        )


def _packed(content: bytes) -> bytes:
    if len(content) < _LONG:
        return content
    from lzma import compress  # noqa: PLC0415 - few deployments ever need it

    return compress(content, preset=1)


def _unpacked(content: bytes) -> bytes:
    if content.startswith(_TEXT):
        return content
    from lzma import decompress  # noqa: PLC0415 - few deployments ever need it

    return decompress(content)
