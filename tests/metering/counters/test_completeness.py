"""How far everything is counted: each rule for itself, and a small model of the whole meter."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from metering.counters.completeness import (
    MOST_MARKS,
    Cut,
    Heartbeats,
    Knowledge,
    Positions,
    after_heartbeats,
    restored,
    resumed,
    through,
)
from metering.counters.heartbeat import Landed, ListedShard

A, B, CHILD = "shardId-000000000000", "shardId-000000000001", "shardId-000000000002"
BOTH = (ListedShard(A, "0"), ListedShard(B, "1"))
CLOSED = (ListedShard(A, "0", is_open=False), ListedShard(B, "1"), ListedShard(CHILD, "0", parents=(A,)))


def landed(shards: Sequence[ListedShard], position: int) -> list[Landed | None]:
    """All heartbeats where they should be."""
    return [Landed(shard.shard_id, position) for shard in shards if shard.is_open]


class TestTwoPhases:
    def test_one_cut(self) -> None:
        """When a cut is passed, its time is seen and not yet reported."""
        first = after_heartbeats(Knowledge(), {}, Heartbeats(1000, BOTH, landed(BOTH, 10)))
        second = after_heartbeats(first, {A: 10, B: 11}, Heartbeats(2000, BOTH, landed(BOTH, 20)))
        assert (None, 1000, (A, B)) == (second.through, second.seen, second.open_shards)
        assert through(second, {A: 19, B: 25}) is None

    def test_second_cut(self) -> None:
        """When the next cut is passed, what was seen before it is known: by a reader, and for good by the
        next run.
        """
        known = after_heartbeats(Knowledge(), {}, Heartbeats(1000, BOTH, landed(BOTH, 10)))
        known = after_heartbeats(known, {A: 10, B: 10}, Heartbeats(2000, BOTH, landed(BOTH, 20)))
        assert 1000 == through(known, {A: 20, B: 20})
        third = after_heartbeats(known, {A: 20, B: 20}, Heartbeats(3000, BOTH, landed(BOTH, 30)))
        assert (1000, 2000, 3) == (third.through, third.seen, third.version)

    def test_not_passed(self) -> None:
        """A cut that one shard has not passed is kept, and says nothing."""
        known = after_heartbeats(Knowledge(), {}, Heartbeats(1000, BOTH, landed(BOTH, 10)))
        after = after_heartbeats(known, {A: 99}, Heartbeats(2000, BOTH, landed(BOTH, 20)))
        assert (None, [1000, 2000]) == (after.seen, [cut.begun_at for cut in after.cuts])


class TestCut:
    def test_refused(self) -> None:
        """A heartbeat that was refused: no cut."""
        assert () == after_heartbeats(Knowledge(), {}, Heartbeats(1, BOTH, [Landed(A, 1), None])).cuts

    def test_elsewhere(self) -> None:
        """A heartbeat that fell into another shard: no cut."""
        strayed = [Landed(CHILD, 1), Landed(B, 1)]
        assert () == after_heartbeats(Knowledge(), {}, Heartbeats(1, BOTH, strayed)).cuts

    def test_no_shard(self) -> None:
        """A stream without open shards: no cut, for one without marks would be passed at once."""
        assert () == after_heartbeats(Knowledge(), {}, Heartbeats(1, CLOSED[:1], [])).cuts

    def test_too_many_shards(self) -> None:
        """More marks than fit an item: no cut, and the open shards are reported."""
        shards = [ListedShard(f"shardId-{number:012d}", "0") for number in range(MOST_MARKS + 1)]
        known = after_heartbeats(Knowledge(), {}, Heartbeats(1, shards, landed(shards, 1)))
        assert ((), MOST_MARKS + 1) == (known.cuts, len(known.open_shards))
        fitting = shards[:MOST_MARKS]
        assert 1 == len(after_heartbeats(Knowledge(), {}, Heartbeats(1, fitting, landed(fitting, 1))).cuts)

    def test_lag_of_a_week(self) -> None:
        """While nothing is counted, cuts become rarer and stay few; the oldest is never given up."""
        known, minutes = Knowledge(), 7 * 24 * 60
        for minute in range(minutes):
            known = after_heartbeats(known, {}, Heartbeats(minute, BOTH, landed(BOTH, minute)))
        times = [cut.begun_at for cut in known.cuts]
        assert [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192] == times


class TestRestored:
    """A table that was restored to an earlier time, while counting and heartbeats go on."""

    def test_passes_no_hole(self) -> None:
        """Whatever progress is noted after the hole, what is reported stays at the time of the backup, until
        the stream is read from before it; then it moves on as on the first day.
        """
        shards = [ListedShard("a", "0")]
        known = Knowledge()
        for minute in range(1, 4):
            known = after_heartbeats(
                known, {"a": minute * 10}, Heartbeats(minute, shards, landed(shards, minute * 10))
            )
        assert through(known, {"a": 30}) == 2
        found = restored(known, known.version + 5)
        for minute in range(9, 14):
            found = after_heartbeats(
                found, {"a": minute * 10}, Heartbeats(minute, shards, landed(shards, minute * 10))
            )
            assert known.through == through(found, {"a": minute * 10})
        found = resumed(found)
        for minute in range(14, 17):
            found = after_heartbeats(
                found, {"a": 40}, Heartbeats(minute, shards, landed(shards, minute * 10))
            )
            assert known.through == through(found, {"a": 40})
        found = after_heartbeats(found, {"a": 160}, Heartbeats(17, shards, landed(shards, 170)))
        assert 16 == through(found, {"a": 170})

    def test_no_hole(self) -> None:
        """A version as high as any, or higher, is the table's own."""
        for highest in (0, 6, 7):
            assert Knowledge(7) == restored(Knowledge(7), highest)


class TestClosedShard:
    KNOWN = Knowledge(cuts=(Cut(1000, 900, {A: 10, B: 10}),))

    def test_unfinished(self) -> None:
        """A closed shard is waited for as any other."""
        assert None is after_heartbeats(self.KNOWN, {A: 9, B: 10}, Heartbeats(1, CLOSED, [])).seen

    def test_finished(self) -> None:
        """Where a descendant is counted, its ancestors are, whether or not the last progress was noted."""
        grandchild = ListedShard("shardId-000000000009", "0", parents=(CHILD,), first_position=20)
        found = after_heartbeats(
            self.KNOWN, {A: 9, B: 10, grandchild.shard_id: 20}, Heartbeats(1, (*CLOSED, grandchild), [])
        )
        assert (1000, 900) == (found.seen, found.through)

    def test_older_stream(self) -> None:
        """Progress of a shard of the same name in an older stream says nothing of its ancestors."""
        shards = (*CLOSED[:2], CLOSED[2]._replace(first_position=20))
        assert None is after_heartbeats(self.KNOWN, {A: 9, B: 10, CHILD: 19}, Heartbeats(1, shards, [])).seen

    def test_expired(self) -> None:
        """A shard that the stream no longer lists holds nothing that could be counted."""
        assert 1000 == after_heartbeats(self.KNOWN, {B: 10}, Heartbeats(1, CLOSED[1:], [])).seen


class Record(NamedTuple):
    """An event in a shard; None: a heartbeat."""

    event: int | None
    position: int


@dataclass
class Model:
    """A meter of few lines: shards that claim and count one record at a time, in that order or never."""

    records: dict[int, list[Record]] = field(default_factory=lambda: {0: [], 1: []})
    parents: dict[int, tuple[int, ...]] = field(default_factory=lambda: {0: (), 1: ()})
    is_closed: set[int] = field(default_factory=set)
    done: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    owner: dict[int, tuple[int, int]] = field(default_factory=dict)
    counted: set[int] = field(default_factory=set)
    sent_at: dict[int, int] = field(default_factory=dict)
    progress: dict[str, int] = field(default_factory=dict)
    known: Knowledge = field(default_factory=Knowledge)
    pending: list[tuple[int, Knowledge, Positions, list[ListedShard]]] = field(default_factory=list)
    reported: int = -1
    time: int = 0

    def open_shards(self) -> list[int]:
        return [shard for shard in self.records if shard not in self.is_closed]

    def put(self, shard: int, event: int) -> None:
        """A copy comes into whatever shard."""
        self.time += 1
        self.sent_at.setdefault(event, self.time)
        self._append(shard, event)

    def _append(self, shard: int, event: int | None) -> int:
        position = 1 + sum(len(records) for records in self.records.values())
        self.records[shard].append(Record(event, position))
        return position

    def next_of(self, shard: int) -> Record | None:
        if not all(self.is_finished(parent) for parent in self.parents[shard]):
            return None
        waiting = self.records[shard][self.done[shard] :]
        return waiting[0] if waiting else None

    def is_finished(self, shard: int) -> bool:
        return self.done[shard] == len(self.records[shard]) and all(
            map(self.is_finished, self.parents[shard])
        )

    def claim(self, shard: int) -> None:
        """A batch gets as far as its claim, and crashes."""
        record = self.next_of(shard)
        if record is not None and record.event is not None:
            self.owner.setdefault(record.event, (shard, record.position))

    def count(self, shard: int, *, is_noted: bool) -> None:
        """A batch comes to its end; the note of its progress may get lost."""
        self.claim(shard)
        record = self.next_of(shard)
        if record is None:
            return
        if record.event is not None and self.owner[record.event] == (shard, record.position):
            self.counted.add(record.event)
        self.done[shard] += 1
        if is_noted:
            self.progress[name(shard)] = record.position

    def reshard(self, parents: Sequence[int], children: int) -> None:
        self.is_closed.update(parents)
        for _ in range(children):
            shard = len(self.records)
            self.records[shard], self.parents[shard], self.done[shard] = [], tuple(parents), 0

    def begin_run(self) -> None:
        """The first half: clock, what is known, shards."""
        self.time += 1
        shards = [
            ListedShard(name(shard), "", shard not in self.is_closed, tuple(map(name, self.parents[shard])))
            for shard in self.records
        ]
        self.pending.append((self.time, self.known, dict(self.progress), shards))

    def end_run(self, index: int) -> None:
        """The second half: heartbeats, and the write, unless another run was faster."""
        begun_at, known, progress, shards = self.pending.pop(index % len(self.pending))
        places: list[Landed | None] = []
        for shard in (int(one.shard_id[8:]) for one in shards if one.is_open):
            heir = shard
            while heir in self.is_closed:
                heir = next(child for child, parents in self.parents.items() if heir in parents)
            places.append(Landed(name(heir), self._append(heir, None)))
        after = after_heartbeats(known, progress, Heartbeats(begun_at, shards, places))
        if after.version == self.known.version + 1:
            self.known = after

    def read(self) -> None:
        """What is reported never goes back, and nothing from before is missing."""
        reported = through(self.known, self.progress)
        reported = -1 if reported is None else reported
        assert reported >= self.reported
        self.reported = reported
        missing = [
            event
            for event, sent_at in self.sent_at.items()
            if sent_at < reported and event not in self.counted
        ]
        assert [] == missing


def name(shard: int) -> str:
    """A shard's id."""
    return f"shardId-{shard:012d}"


STEPS = "ppppppccccnnnnnnnnnlBBBBbesm"
"""Each as often as its letter."""


def play(model: Model, step: str, one: int, other: int) -> None:
    """One thing happens."""
    shards, is_open = list(model.records), model.open_shards()
    match step:
        case "p":
            model.put(is_open[one % len(is_open)], other)
        case "c":
            model.claim(shards[one % len(shards)])
        case "n" | "l":
            model.count(shards[one % len(shards)], is_noted=step == "n")
        case "b":
            model.begin_run()
        case "B":
            model.begin_run()
            model.end_run(len(model.pending) - 1)
        case "e" if model.pending:
            model.end_run(one)
        case "s" if len(is_open) < 4:
            model.reshard([is_open[one % len(is_open)]], 2)
        case "m" if len(is_open) > 1:
            model.reshard(is_open[:2], 1)
        case _:
            pass


class TestModel:
    @pytest.mark.parametrize("seed", range(300))
    def test_never_too_much(self, seed: int) -> None:
        """Whatever happens in whatever order, no uncounted call is passed, and nothing is taken back; and
        when all is counted, it is reported.
        """
        model, dice = Model(), random.Random(seed)
        for _ in range(dice.randint(40, 100)):
            play(model, dice.choice(STEPS), dice.randint(0, 11), dice.randint(0, 11))
            model.read()
        model.pending.clear()
        end = model.time
        for _ in range(3):
            model.begin_run()
            model.end_run(0)
            for shard in sorted(model.records):
                while model.next_of(shard) is not None:
                    model.count(shard, is_noted=True)
        model.read()
        assert model.reported > end

    def test_claimed_by_a_copy(self) -> None:
        """Why one cut is not enough: both shards have passed it, and a call from before it is not counted,
        for a copy from behind it has claimed the call and is still on its way.
        """
        model = Model()
        model.put(0, 7)
        model.begin_run()
        model.end_run(0)
        model.put(1, 7)
        model.count(1, is_noted=True)
        model.claim(1)
        for _ in range(2):
            model.count(0, is_noted=True)
        (cut,) = model.known.cuts
        assert all(model.progress[shard] >= mark for shard, mark in cut.marks.items())
        assert set() == model.counted
        model.read()
        assert model.reported == -1
        model.begin_run()
        model.end_run(0)
        model.count(0, is_noted=True)
        model.read()
        assert model.reported == -1
        for _ in range(2):
            model.count(1, is_noted=True)
        model.read()
        assert (cut.begun_at, {7}) == (model.reported, model.counted)
