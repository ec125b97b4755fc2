"""Which worlds of changes are explored, and for each broken variant one so small that its fault shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulation.exploration.changes.settings_world import DatedRecord, SettingsWorld
from simulation.exploration.changes.stream_world import StreamsWorld
from simulation.exploration.family import Family


def _streams(name: str, meaning: str, *worlds: StreamsWorld) -> Family:
    return Family(name, meaning, tuple(replace(world, name=name) for world in worlds))


def _settings(name: str, meaning: str, *worlds: SettingsWorld) -> Family:
    return Family(name, meaning, tuple(replace(world, name=name) for world in worlds))


_A: Final = (DatedRecord(0),)
_COPY_TOMORROW: Final = (DatedRecord(0, 1),)
_AND_B: Final = (DatedRecord(0), DatedRecord(1, 3))

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
    _settings(
        "settings-changed",
        "the ledger's layout is changed, processes with both settings take turns, days pass; up to 1 fault",
        SettingsWorld((_A, _A), (0,), is_changed=True, faults=1),
        SettingsWorld((_A, _A), (-1,), last_day=3, is_changed=True),
        SettingsWorld((_A, _COPY_TOMORROW), (-1,), last_day=4, is_changed=True),
        SettingsWorld((_AND_B, (DatedRecord(1, 3),)), (-1, -1), last_day=3, is_changed=True),
    ),
    _settings(
        "settings-old-lines",
        "lines of a call of the day, and of 14 days ago, with a copy a day later that is read within 7 days",
        SettingsWorld((_A, _COPY_TOMORROW), (0,), last_day=8, processes=1, faults=2),
        SettingsWorld((_A, _COPY_TOMORROW), (14,), last_day=8, processes=1, faults=2),
        SettingsWorld((_A, _COPY_TOMORROW), (14,), last_day=8, processes=1, is_changed=True, faults=1),
    ),
    _settings(
        "settings-at-length",
        "the same with three records, or under more faults",
        SettingsWorld((_A, _A), (-1,), last_day=3, is_changed=True, faults=1),
        SettingsWorld((_A, _COPY_TOMORROW), (-1,), last_day=4, is_changed=True, faults=1),
        SettingsWorld((_AND_B, _COPY_TOMORROW), (-1, -1), last_day=4, is_changed=True),
    ),
)

CHANGED_SHORT: Final = ("streams-again", "settings-changed", "settings-old-lines")
"""What CI runs of them."""

STREAMS_SHOWN_BY: Final = {
    "stream-by-name": StreamsWorld(processes=1),
    "stream-looked-at-once": StreamsWorld(processes=1),
}
"""By the name of a broken guard."""

SETTINGS_SHOWN_BY: Final = {
    "layout-at-once": SettingsWorld((_A, _A), (0,), is_changed=True, processes=1),
    "claims-by-retention": SettingsWorld((_A, _COPY_TOMORROW), (0,), last_day=8, processes=1),
}
"""By the name of a broken ledger, or of a broken book of its layouts."""
