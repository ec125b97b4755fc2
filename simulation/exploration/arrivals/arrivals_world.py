"""Worlds of one shard whose records bring log events of one log group or of two."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from metering.calls.record import StreamRecord
from simulation.exploration.small_world import NOON_MS, lines_of

SHARD: Final = "shardId-000000000000"
_ACCOUNT: Final = "123456789012"
_KEY: Final = "shop"
"""The key of all calls."""


@dataclass(frozen=True, slots=True)
class ArrivalsWorld:
    """What is in the shard, and how much may go wrong."""

    records: tuple[str, ...]
    """Of each the name of its log group, once for each of its log events; empty: a control message."""
    faults: int = 0
    """Writes without an answer, attempts that are given up, a shard that is read again."""
    name: str = field(default="", compare=False)

    def stream(self) -> list[StreamRecord]:
        """The records, numbered from 1."""
        return [
            StreamRecord(SHARD, number, _data(number, log_group), arrived_at(number))
            for number, log_group in enumerate(self.records, 1)
        ]

    def brought(self, through: int) -> Mapping[str, int]:
        """The log events of each log group in the records up to a number."""
        return Counter(f"{_ACCOUNT}/{name}" for name in "".join(self.records[:through]))

    def __str__(self) -> str:
        records = " ".join(record or "-" for record in self.records)
        return f"{self.name or 'arrivals'} ({records})"


def arrived_at(number: int) -> int:
    """When a record arrives, in epoch milliseconds."""
    return NOON_MS + number


def _data(number: int, log_group: str) -> bytes:
    events = [
        {"id": f"{number}-{index}", "timestamp": NOON_MS, "message": _line(10 * number + index)}
        for index in range(len(log_group) or 1)
    ]
    document = {
        "messageType": "DATA_MESSAGE" if log_group else "CONTROL_MESSAGE",
        "owner": _ACCOUNT,
        "logGroup": log_group[:1],
        "logStream": "calls",
        "subscriptionFilters": ["usage-meter"],
        "logEvents": events,
    }
    return gzip.compress(json.dumps(document).encode(), mtime=0)


def _line(event: int) -> str:
    return lines_of([(_KEY, event, NOON_MS)]).decode()
