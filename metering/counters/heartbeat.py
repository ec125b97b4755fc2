"""Heartbeats: a control message in each open shard, each minute.

A heartbeat takes the way of a delivery and changes no counter: both consumers skip control messages, as they
skip those of CloudWatch Logs itself. The stream processor notes a shard's progress with it, so that an idle
shard holds nothing back; and where heartbeats are no longer counted, nothing is.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

OWNER = "usage-meter"
"""In the place of the account that CloudWatch Logs names, so that a dump of the stream shows which is which.
"""


class ListedShard(NamedTuple):
    """A shard as the stream lists it, with the lowest hash key that leads to it."""

    shard_id: str
    starting_hash_key: str
    is_open: bool = True
    """Whether it takes records."""
    parents: tuple[str, ...] = ()
    """The shards that it follows: one after a split, two after a merge."""
    first_position: int = 0
    """No sequence number in it is lower."""
    last_position: int | None = None
    """Of a closed one: no sequence number in it is higher."""


class Landed(NamedTuple):
    """Where a heartbeat came to lie: in another shard than it was meant for, if that was closed meanwhile."""

    shard_id: str
    position: int


class Heartbeat(NamedTuple):
    """A record for one shard."""

    data: bytes
    partition_key: str
    explicit_hash_key: str


def heartbeats(shards: Sequence[ListedShard], now: datetime) -> list[Heartbeat]:
    """A heartbeat for each open shard."""
    data = control_message(now)
    return [Heartbeat(data, shard.shard_id, shard.starting_hash_key) for shard in shards if shard.is_open]


def control_message(now: datetime) -> bytes:
    """A delivery without calls, in the shape of CloudWatch Logs' own control messages."""
    event = {"id": "", "timestamp": round(now.timestamp() * 1000), "message": "Heartbeat of the usage meter"}
    envelope = {
        "messageType": "CONTROL_MESSAGE",
        "owner": OWNER,
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [event],
    }
    return gzip.compress(json.dumps(envelope).encode(), mtime=0)
