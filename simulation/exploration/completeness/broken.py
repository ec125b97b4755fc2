"""For each broken watch a world so small that it says too much within a few steps."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from metering.counters.completeness import Heartbeats, after_heartbeats
from metering.counters.heartbeat import heartbeats
from metering.errors import Transient
from simulation.exploration.completeness.watch_world import WatchedWorld, WatchFault
from simulation.protocol.broken_watches import BROKEN_WATCHES
from simulation.protocol.meter import Meter
from watch.tasks import CompletenessStore, ShardStream


def read_late(stream: ShardStream, store: CompletenessStore, now: datetime) -> None:
    """Progress is read when the heartbeats are put already."""
    shards = stream.shards()
    done = Heartbeats(int(now.timestamp() * 1000), shards, stream.put(heartbeats(shards, now)))
    with suppress(Transient):
        store.save(after_heartbeats(*store.load(), done))


OTHER_WATCHES: Final = (
    Meter(
        "read-late", "how far the shards are is read after the heartbeats are put", send_heartbeats=read_late
    ),
)
"""A broken watch more; seed 113 of the protocol's simulation shows it."""

BROKEN_SMALL_WATCHES: Final = (*BROKEN_WATCHES, *OTHER_WATCHES)

_A: Final = (0,)

WATCHES_SHOWN_BY: Final = {
    "one-cut": WatchedWorld((_A, _A), runs=1),
    "open-shards": WatchedWorld((_A, _A, ()), runs=1, had_run=True, is_split=True),
    "refused-forgotten": WatchedWorld(((), _A), runs=2, faults=2, kinds=(WatchFault.REFUSED,)),
    "first-shard": WatchedWorld(((), _A), runs=2),
    "last-writer": WatchedWorld(((),), runs=2, had_run=True),
    "read-late": WatchedWorld((_A, _A), runs=1, had_run=True),
}
"""By the name of a watch."""
