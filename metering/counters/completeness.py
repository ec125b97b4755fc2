"""How far everything is counted: what may be reported as `complete_through`, and why that is never too late.

**The promise.** *All calls that were in the stream before `complete_through` are in their counters.* In the
stream means: could be read there. "Before" is decided by one clock only, the watch's.

**A run** of the watch, each minute: it reads its clock (`begun_at`), then how far each shard is counted,
then which shards there are; it puts a heartbeat into each open one, and keeps where they came to lie. Such a
line across the stream is a *cut*, and the places are its *marks*. A cut is *passed* when each of its shards
is counted up to its mark. If one heartbeat was refused, or came to lie in another shard, there is no cut.

**One cut is not enough.** What lies before a passed cut was looked at by the stream processor, which is not
the same as counted: an event that another record had claimed first is that record's, and may still be on its
way (a copy of a delivery, in another shard, whose batch stopped between claim and count). That record may lie
behind the cut. So two are needed:

1. When a run finds a cut passed, all calls from before its `begun_at` are counted, or claimed by records
   that lie in the stream by now. The run *has seen* that time, and writes it to the cut that it puts next.
2. When this later cut is passed, those records are counted too: they were in the stream before its marks. So
   everything from before the time that a passed cut *has seen* is counted.

**Why a cut misses no shard.** It has a mark in each open shard. A shard that is closed has open descendants,
and Lambda reads a child only after its parents to their end: who has passed the marks of the descendants has
counted all of the closed one. A shard that closes while the heartbeats are put makes one fall into another.
And what could be read has no higher sequence number than what is put later, or a reader would miss that.

**A shard that is gone.** The note of a shard's last progress may get lost. Then the mark in it is passed when
a descendant is counted at all, or when the stream no longer lists it: all it held is counted, or expired.

**A table that was restored** to an earlier time lacks what was counted since, and progress that is noted in
it later passes over the hole. It is known by its version: the highest that a run has written is kept in
another table, too. From then on nothing new is reported, until somebody has set the reading of the stream
back to before the hole, and said so (:func:`resumed`): then progress is forgotten, so that only what is read
from there on passes a cut.

**It never goes back.** A cut is forgotten only when it is passed, and then what it has seen is kept; progress
never goes back; and of two runs at once only one can write: the other is refused by the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from metering.counters.heartbeat import Landed, ListedShard

MOST_MARKS: Final = 3_000
"""In all cuts together, so that they fit an item of 400 KB: with its shard's name in the list of open ones, a
mark takes 67 bytes, and at most 97. A stream with more open shards has no `complete_through`.
"""

Positions = Mapping[str, int]
"""By shard: the sequence number up to which it is counted, or at which a mark lies."""


class Cut(NamedTuple):
    """A mark in each shard that was open."""

    begun_at: int
    """The time, in epoch milliseconds, that the watch's clock showed before the run did anything else."""
    has_seen: int | None
    """Of the earlier cuts that were passed before this one was put: the latest `begun_at`."""
    marks: Positions


class Knowledge(NamedTuple):
    """What the runs know. Times are in epoch milliseconds; None: nothing yet."""

    version: int = 0
    through: int | None = None
    """Everything from before this time is counted."""
    seen: int | None = None
    """Everything from before this time is counted, or claimed by records that were in the stream when this
    was found.
    """
    cuts: tuple[Cut, ...] = ()
    """Those that were not known to be passed, the oldest first."""
    open_shards: tuple[str, ...] = ()
    """At the last run."""
    is_restored: bool = False
    """Whether the table was restored to an earlier time: `through` is of that time, and stays."""


class Heartbeats(NamedTuple):
    """What a run did."""

    begun_at: int
    shards: Sequence[ListedShard]
    """Those that the stream lists, closed ones too."""
    landed: Sequence[Landed | None]
    """Where the heartbeats of the open ones came to lie, in their order; None: refused."""


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """An open shard: its last record that is counted reached the stream at `counted_through`, by the stream's
    own clock.
    """

    shard_id: str
    counted_through: datetime


@dataclass(frozen=True, slots=True)
class Completeness:
    """What may be reported. Shards of which nothing is counted yet are left out."""

    complete_through: datetime | None = None
    """All calls that were in the stream before are counted. None: nothing is known yet."""
    shards: tuple[ShardProgress, ...] = ()
    is_restored: bool = False
    """Whether the table was restored to an earlier time, and lacks what was counted since."""


def through(known: Knowledge, progress: Positions) -> int | None:
    """The time before which everything is counted, by what is written and how far the shards are by now."""
    if known.is_restored:
        return known.through
    return _latest(known.through, *(cut.has_seen for cut in known.cuts if _is_passed(cut, progress, set())))


def after_heartbeats(known: Knowledge, progress: Positions, sent: Heartbeats) -> Knowledge:
    """What is known after a run. `progress` was read after the run's clock and before its heartbeats."""
    if known.is_restored:
        return known._replace(version=known.version + 1, seen=None, cuts=())
    finished = _finished(sent.shards, progress, known.cuts)
    passed = [cut for cut in known.cuts if _is_passed(cut, progress, finished)]
    left = [cut for cut in known.cuts if cut not in passed]
    seen = _latest(known.seen, *(cut.begun_at for cut in passed))
    marks = _marks(sent)
    if marks and _has_room(left, sent.begun_at, len(marks)):
        left.append(Cut(sent.begun_at, seen, marks))
    return Knowledge(
        version=known.version + 1,
        through=_latest(known.through, *(cut.has_seen for cut in passed)),
        seen=seen,
        cuts=tuple(left),
        open_shards=tuple(shard.shard_id for shard in sent.shards if shard.is_open),
    )


def restored(known: Knowledge, highest: int) -> Knowledge:
    """What is known of a table whose version is below the highest that was ever written: it was restored."""
    return known if known.version >= highest else known._replace(version=highest, is_restored=True)


def resumed(known: Knowledge) -> Knowledge:
    """What is known once the reading of the stream was set back to before the hole."""
    return Knowledge(version=known.version + 1, through=known.through, open_shards=known.open_shards)


def _is_passed(cut: Cut, progress: Positions, finished: AbstractSet[str]) -> bool:
    return all(shard in finished or progress.get(shard, -1) >= mark for shard, mark in cut.marks.items())


def _finished(shards: Sequence[ListedShard], progress: Positions, cuts: Iterable[Cut]) -> set[str]:
    """The shards of which nothing is left to count, whatever their own progress says: the ancestors of those
    that are counted at all, and those with a mark that the stream no longer lists.
    """
    parents = {shard.shard_id: shard.parents for shard in shards}
    finished = {shard for cut in cuts for shard in cut.marks if shard not in parents}
    # progress below a shard's first position is that of an older stream, whose shards had the same names
    waiting = [one.shard_id for one in shards if progress.get(one.shard_id, -1) >= one.first_position]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in finished:
                finished.add(parent)
                waiting.append(parent)
    return finished


def _marks(sent: Heartbeats) -> dict[str, int]:
    """The marks of a cut; none where a heartbeat is not where it should be."""
    wanted = [shard.shard_id for shard in sent.shards if shard.is_open]
    marks = {one.shard_id: one.position for one in sent.landed if one is not None}
    return marks if list(marks) == wanted else {}


def _has_room(cuts: Sequence[Cut], begun_at: int, marks: int) -> bool:
    """Whether one more cut is kept, of those that are not passed.

    While counting lags, it must be as far from the latest as that is from the oldest: the cuts of a lag of a
    week are 14, and what is known of the time in between is late by half at most.
    """
    if sum(len(cut.marks) for cut in cuts) + marks > MOST_MARKS:
        return False
    return len(cuts) < 2 or begun_at - cuts[-1].begun_at >= cuts[-1].begun_at - cuts[0].begun_at


def _latest(*times: int | None) -> int | None:
    return max((time for time in times if time is not None), default=None)
