"""Broken watches. Each breaks one rule of `complete_through`, and a reader must catch all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from metering.counters.completeness import Cut, Knowledge, Positions
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from simulation.protocol.meter import Meter
from watch.tasks import CompletenessStore, ShardStream, send_heartbeats


class _Stream:
    """A stream, for a broken one to stand before."""

    def __init__(self, stream: ShardStream) -> None:
        self._stream = stream

    def shards(self) -> Sequence[ListedShard]:
        """The port's."""
        return self._stream.shards()

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """The port's."""
        return self._stream.put(records)


class _Store:
    """A store, for a broken one to stand before."""

    def __init__(self, store: CompletenessStore) -> None:
        self._store = store

    def load(self) -> tuple[Knowledge, Positions]:
        """The port's."""
        return self._store.load()

    def save(self, known: Knowledge) -> bool:
        """The port's."""
        return self._store.save(known)


class _RefusedForgotten(_Stream):
    """Takes shards that refuse a heartbeat out of the list that the run goes by."""

    def __init__(self, stream: ShardStream) -> None:
        super().__init__(stream)
        self._listed: list[ListedShard] = []

    def shards(self) -> Sequence[ListedShard]:
        """A list that shrinks."""
        self._listed = list(super().shards())
        return self._listed

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """Only what was taken."""
        landed = super().put(records)
        refused = {one.partition_key for one, place in zip(records, landed, strict=True) if place is None}
        self._listed[:] = [shard for shard in self._listed if shard.shard_id not in refused]
        return [place for place in landed if place is not None]


class _OneCut(_Store):
    """Takes the time of a cut for known when the cut itself is passed."""

    def save(self, known: Knowledge) -> bool:
        """Each cut has seen its own time."""
        cuts = tuple(cut._replace(has_seen=cut.begun_at) for cut in known.cuts)
        return super().save(known._replace(cuts=cuts))


class _OpenShards(_Stream):
    """Lists open shards only, so that a closed one seems to be gone before it is finished."""

    def shards(self) -> Sequence[ListedShard]:
        """ListShards with the filter AT_LATEST."""
        return [shard for shard in super().shards() if shard.is_open]


class _FirstShard(_Store):
    """Keeps the mark of one shard, and takes it for a cut."""

    def save(self, known: Knowledge) -> bool:
        """A cut of one mark."""
        cuts = tuple(Cut(cut.begun_at, cut.has_seen, dict([*cut.marks.items()][:1])) for cut in known.cuts)
        return super().save(known._replace(cuts=cuts))


class _LastWriter(_Store):
    """Writes whatever version is there."""

    def load(self) -> tuple[Knowledge, Positions]:
        """With a version of no meaning."""
        known, progress = super().load()
        return known._replace(version=0), progress

    def save(self, known: Knowledge) -> bool:
        """In place of what is there now."""
        now, _ = super().load()
        return super().save(known._replace(version=now.version + 1))


def one_cut(stream: ShardStream, store: CompletenessStore, now: datetime) -> None:
    """One phase for two."""
    send_heartbeats(stream, _OneCut(store), now)


def open_shards(stream: ShardStream, store: CompletenessStore, now: datetime) -> None:
    """Closed shards are forgotten."""
    send_heartbeats(_OpenShards(stream), store, now)


def first_shard(stream: ShardStream, store: CompletenessStore, now: datetime) -> None:
    """Most shards are forgotten."""
    send_heartbeats(stream, _FirstShard(store), now)


def last_writer(stream: ShardStream, store: CompletenessStore, now: datetime) -> None:
    """Two runs at once both write."""
    send_heartbeats(stream, _LastWriter(store), now)


def refused_forgotten(stream: ShardStream, store: CompletenessStore, now: datetime) -> None:
    """A shard that refused its heartbeat is left out of the cut."""
    send_heartbeats(_RefusedForgotten(stream), store, now)


BROKEN_WATCHES = (
    Meter("one-cut", "what lies before one passed cut is taken for counted", send_heartbeats=one_cut),
    Meter("open-shards", "a closed shard is forgotten before it is finished", send_heartbeats=open_shards),
    Meter(
        "refused-forgotten",
        "a shard that refuses its heartbeat is left out",
        send_heartbeats=refused_forgotten,
    ),
    Meter("first-shard", "a cut has the mark of one shard only", send_heartbeats=first_shard),
    Meter(
        "last-writer",
        "of two runs of the watch at once, both write what they know",
        send_heartbeats=last_writer,
    ),
)
"""Each is caught within a thousand seeds, by `tests/simulation/protocol/test_broken_meters.py`."""
