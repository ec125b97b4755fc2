"""Slices: the items over which a counter of many shards is spread. Pure."""

from __future__ import annotations

import re
from typing import Final

SHARDS_OF_A_SLICE: Final = 16
"""An item holds the watermarks of so many shards, and so stays below 1 KB: one write unit."""

_SHARD_NUMBER: Final = re.compile(r"shardId-(\d{12,})", re.ASCII)


def slice_of(shard_id: str) -> int:
    """The slice of every counter that a shard adds to.

    A shard's slice never changes, so that its watermark is always found; and a slice never has more than 16
    shards, so that no watermark has to be removed. Kinesis numbers the shards of a stream without end.
    """
    match = _SHARD_NUMBER.fullmatch(shard_id)
    return int(match.group(1)) // SHARDS_OF_A_SLICE if match else 0
