"""The template's parameters for a machine, and for a log that is played in seconds."""

from __future__ import annotations

from datetime import timedelta

from local_cloud.demo.source import AccessLog

_EVENTS_OF_A_SLOT = 2_000
_SHORTEST_SLOT_SECONDS = 5
_LONGEST_SLOT_SECONDS = 3_600

_CONCURRENT_WRITES = 4
"""More than two cores can use, so that one is always waiting for the engine."""


def machine_parameters(*, external_dynamodb: bool) -> dict[str, object]:
    """What differs from the defaults of the template, and why."""
    return {
        # One shard holds all the traffic of one machine, and fewer, larger batches cost fewer writes.
        "StreamMode": "PROVISIONED",
        "ShardCount": 1,
        # Somebody is watching.
        "BatchingWindowSeconds": 1,
        # moto answers one request at a time: threads would only wait for one another.
        "WriteConcurrency": _CONCURRENT_WRITES if external_dynamodb else 1,
    }


def replay_parameters(log: AccessLog, *, external_dynamodb: bool) -> dict[str, object]:
    """The same for a log that is played faster than it was written."""
    return {
        **machine_parameters(external_dynamodb=external_dynamodb),
        "LedgerSlotSeconds": slot_seconds(log),
    }


def slot_seconds(log: AccessLog) -> int:
    """How much of the log's own time an item of the ledger covers: about as many events as fit an item.

    The default of 5 s suits events that arrive at their own time. A replay packs days into seconds, and a
    batch would touch thousands of such slots; in a dense log an hour would fill hundreds of pages.
    """
    wanted = log.span * _EVENTS_OF_A_SLOT // max(1, log.total)
    return int(min(max(wanted // timedelta(seconds=1), _SHORTEST_SLOT_SECONDS), _LONGEST_SLOT_SECONDS))
