"""Which worlds of changes are explored, and for each broken variant one so small that its fault shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulation.exploration.changes.stream_world import StreamsWorld
from simulation.exploration.family import Family


def _streams(name: str, meaning: str, *worlds: StreamsWorld) -> Family:
    return Family(name, meaning, tuple(replace(world, name=name) for world in worlds))


CHANGED: Final = (
    _streams(
        "streams-again",
        "a stream is made again, once or twice, with higher or lower numbers; two processes, up to 2 faults",
        StreamsWorld(faults=2),
        StreamsWorld(records=2, faults=1),
        StreamsWorld(shards=2, faults=1),
        StreamsWorld(streams=3, faults=1),
        StreamsWorld(streams=3, shards=2),
    ),
    _streams(
        "streams-at-length",
        "the same under 2 faults, of two shards and of three streams",
        StreamsWorld(shards=2, faults=2),
        StreamsWorld(streams=3, faults=2),
        StreamsWorld(streams=3, records=2, faults=1),
    ),
)

CHANGED_SHORT: Final = ("streams-again",)
"""What CI runs of them."""

STREAMS_SHOWN_BY: Final = {
    "stream-by-name": StreamsWorld(processes=1),
    "stream-looked-at-once": StreamsWorld(processes=1),
}
"""By the name of a broken guard."""
