"""What may happen next to a stream, its counting and the runs of its watch, and what must hold in each state.

The watch is the shipped one. The stream processor is left to what the watch can know of it: a shard's records
are claimed in their order, then counted; an event that an earlier record has claimed is that record's; and a
shard's progress is noted when a record is done. Between any two of these steps anything else may happen, for
as long as it likes: so a crash between claim and count is a count that comes late.

Time is the order of things: what came into the stream before a run began came before the time of that run.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from metering.counters.completeness import Knowledge, Positions, through
from metering.counters.heartbeat import Landed, ListedShard
from simulation.exploration.completeness.runs_of_watch import NO_REPLY, RunMoment, WatchRequest, WatchRuns
from simulation.exploration.completeness.watch_world import WatchedWorld, WatchFault
from simulation.exploration.programs import Numbers
from simulation.exploration.small_world import letter
from simulation.protocol.meter import Meter

HEARTBEAT: Final = -1
"""In place of an event."""
_OF_A_CHILD: Final = 100
"""What comes to a shard that follows another one has higher positions."""
_AT_ONCE: Final = 2
_MS: Final = 1000


class WatchEvent(StrEnum):
    """What happens in a step."""

    PUT = "a record comes into the stream"
    SPLIT = "a shard is closed, and another one follows it"
    CLAIMED = "the events of a record are claimed"
    COUNTED = "a record is counted"
    NOTE_LOST = "a record is counted, and the shard's progress is not noted"
    """A fault."""
    BEGUN = "a run of the watch begins"
    ANSWERED = "a run gets an answer"
    UNANSWERED = "a run gets no answer, or its heartbeat is refused"
    """A fault."""
    SAVED_UNANSWERED = "a run's write is made, and gets no answer"
    """A fault."""


class WatchStep(NamedTuple):
    """What happened, in which shard or to which run."""

    event: WatchEvent
    place: int = -1


class ShardState(NamedTuple):
    """A shard: what came to it, and how far it is."""

    items: tuple[int, ...] = ()
    """Events and heartbeats."""
    put: int = 0
    """Records of the world that came to it."""
    claimed: int = 0
    done: int = 0
    noted: int = 0
    """Items up to which its progress is noted."""


class WatchState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    shards: tuple[ShardState, ...]
    is_split: bool
    owners: tuple[int, ...]
    """By event: the shard and index of the record that claimed it first, as a number; -1: none."""
    counted: int
    """The events, a bit each."""
    came_at: tuple[int, ...]
    """By event: when it first came; -1: not yet."""
    clock: int
    runs: tuple[int, ...]
    begun: int
    known: int
    highest: int
    """What somebody may have read as `complete_through`."""
    faults: int


class WatchSchedules:
    """All steps of a small world."""

    def __init__(self, world: WatchedWorld, meter: Meter) -> None:
        self.world = world
        self.runs = WatchRuns(meter.send_heartbeats)
        self.knowledge = Numbers()
        self._last = len(world.shards) - 1

    @property
    def start(self) -> WatchState:
        """Nothing has happened, or one run."""
        return self._after_a_run(self._empty) if self.world.had_run else self._empty

    @property
    def _empty(self) -> WatchState:
        unknown = (-1,) * self.world.events
        shards = (ShardState(),) * len(self.world.shards)
        known = self.knowledge.of(Knowledge())
        return WatchState(
            shards=shards,
            is_split=False,
            owners=unknown,
            counted=0,
            came_at=unknown,
            clock=0,
            runs=(),
            begun=0,
            known=known,
            highest=-1,
            faults=self.world.faults,
        )

    def _after_a_run(self, state: WatchState) -> WatchState:
        for _, came in list(self._comes(state, 0, state.shards[0])):
            state = came
        state = state._replace(runs=(self.runs.begun(state.clock),), clock=state.clock + 1)
        while state.runs:
            after, answer = self._performed(state, self.runs.moments[state.runs[0]])
            state = self._gone_on(after, 0, answer)
        return state

    def packed(self, state: WatchState) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        return marshal.dumps((tuple(map(tuple, state.shards)), *state[1:]), 2)

    def unpacked(self, packed: bytes) -> WatchState:
        """The state that bytes are of."""
        shards, *rest = marshal.loads(packed)  # noqa: S302 - our own bytes, of this process
        return WatchState(tuple(map(ShardState._make, shards)), *rest)

    def steps(self, state: WatchState) -> Iterator[tuple[WatchStep, WatchState]]:
        """Everything that may happen next, each with the state after it, in which somebody reads."""
        for step, after in self._steps(state):
            reported = self._complete_through(after)
            yield step, after if reported <= after.highest else after._replace(highest=reported)

    def _steps(self, state: WatchState) -> Iterator[tuple[WatchStep, WatchState]]:
        for place, shard in enumerate(state.shards):
            yield from self._comes(state, place, shard)
            yield from self._is_read(state, place, shard)
        if self.world.is_split and not state.is_split:
            yield WatchStep(WatchEvent.SPLIT), state._replace(is_split=True)
        if state.begun < self.world.runs and len(state.runs) < _AT_ONCE:
            runs = (*state.runs, self.runs.begun(state.clock))
            yield (
                WatchStep(WatchEvent.BEGUN, len(runs) - 1),
                state._replace(runs=runs, begun=state.begun + 1, clock=state.clock + 1),
            )
        for index, number in enumerate(state.runs):
            yield from self._of_run(state, index, number)

    # the stream and its counting

    def _is_there(self, state: WatchState, place: int) -> bool:
        return not self.world.is_split or place != self._last or state.is_split

    def _is_open(self, state: WatchState, place: int) -> bool:
        return self._is_there(state, place) and not (state.is_split and place == 0)

    def _comes(
        self, state: WatchState, place: int, shard: ShardState
    ) -> Iterator[tuple[WatchStep, WatchState]]:
        records = self.world.shards[place]
        if shard.put == len(records) or not self._is_open(state, place):
            return
        event = records[shard.put]
        after = shard._replace(items=(*shard.items, event), put=shard.put + 1)
        came_at = state.came_at
        if came_at[event] < 0:
            came_at = (*came_at[:event], state.clock, *came_at[event + 1 :])
        yield (
            WatchStep(WatchEvent.PUT, place),
            _with_shard(state, place, after)._replace(came_at=came_at, clock=state.clock + 1),
        )

    def _is_read(
        self, state: WatchState, place: int, shard: ShardState
    ) -> Iterator[tuple[WatchStep, WatchState]]:
        if not self._may_be_read(state, place):
            return
        if shard.claimed < len(shard.items) and shard.items[shard.claimed] != HEARTBEAT:
            yield WatchStep(WatchEvent.CLAIMED, place), self._claimed(state, place, shard)
        if shard.done < shard.claimed or (
            shard.done < len(shard.items) and shard.items[shard.done] == HEARTBEAT
        ):
            after = self._counted(state, place, shard)
            yield WatchStep(WatchEvent.COUNTED, place), after
            if state.faults and WatchFault.NOTE_LOST in self.world.kinds:
                lost = _with_shard(after, place, after.shards[place]._replace(noted=shard.noted))
                yield WatchStep(WatchEvent.NOTE_LOST, place), lost._replace(faults=state.faults - 1)

    def _may_be_read(self, state: WatchState, place: int) -> bool:
        """Lambda reads a child when its parent is read to its end."""
        if not self.world.is_split or place != self._last:
            return True
        return state.is_split and state.shards[0].done == len(state.shards[0].items)

    def _claimed(self, state: WatchState, place: int, shard: ShardState) -> WatchState:
        event = shard.items[shard.claimed]
        claimed = _with_shard(state, place, shard._replace(claimed=shard.claimed + 1))
        if state.owners[event] >= 0:
            return claimed
        owner = place * _OF_A_CHILD + shard.claimed
        return claimed._replace(owners=(*state.owners[:event], owner, *state.owners[event + 1 :]))

    def _counted(self, state: WatchState, place: int, shard: ShardState) -> WatchState:
        event, done = shard.items[shard.done], shard.done + 1
        claimed = max(done, shard.claimed)
        after = _with_shard(state, place, shard._replace(claimed=claimed, done=done, noted=done))
        if event != HEARTBEAT and state.owners[event] == place * _OF_A_CHILD + shard.done:
            return after._replace(counted=state.counted | 1 << event)
        return after

    # the watch

    def _of_run(self, state: WatchState, index: int, number: int) -> Iterator[tuple[WatchStep, WatchState]]:
        moment: RunMoment = self.runs.moments[number]
        after, answer = self._performed(state, moment)
        yield WatchStep(WatchEvent.ANSWERED, index), self._gone_on(after, index, answer)
        kind = WatchFault.REFUSED if moment.request is WatchRequest.PUT else WatchFault.UNANSWERED
        if not state.faults or kind not in self.world.kinds or moment.request is WatchRequest.SHARDS:
            return
        nothing = None if kind is WatchFault.REFUSED else NO_REPLY
        spent = state._replace(faults=state.faults - 1)
        yield WatchStep(WatchEvent.UNANSWERED, index), self._gone_on(spent, index, nothing)
        if moment.request is WatchRequest.SAVE and after.known != state.known:
            yield (
                WatchStep(WatchEvent.SAVED_UNANSWERED, index),
                self._gone_on(spent._replace(known=after.known), index, nothing),
            )

    def _gone_on(self, state: WatchState, index: int, answer: object) -> WatchState:
        number = self.runs.answered(state.runs[index], answer)
        others = (state.runs[:index], state.runs[index + 1 :])
        moment: RunMoment = self.runs.moments[number]
        going = () if moment.request is None else (number,)
        return state._replace(runs=(*others[0], *going, *others[1]))

    def _performed(self, state: WatchState, moment: RunMoment) -> tuple[WatchState, object]:
        content = self.runs.contents[moment.content]
        match moment.request:
            case WatchRequest.LOAD:
                return state, (self.knowledge[state.known], tuple(sorted(self._positions(state).items())))
            case WatchRequest.SHARDS:
                return state, self._listed(state)
            case WatchRequest.PUT:
                return self._heartbeat(state, int(content))
            case _:
                is_next = content.version == self.knowledge[state.known].version + 1
                return state._replace(known=self.knowledge.of(content)) if is_next else state, is_next

    def _positions(self, state: WatchState) -> Positions:
        return {
            str(place): self._position(place, shard.noted - 1)
            for place, shard in enumerate(state.shards)
            if shard.noted
        }

    def _position(self, place: int, index: int) -> int:
        is_child = self.world.is_split and place == self._last
        return index + 1 + _OF_A_CHILD * is_child

    def _listed(self, state: WatchState) -> tuple[ListedShard, ...]:
        return tuple(
            ListedShard(
                str(place),
                "",
                self._is_open(state, place),
                ("0",) if self.world.is_split and place == self._last else (),
                self._position(place, 0),
            )
            for place in range(len(state.shards))
            if self._is_there(state, place)
        )

    def _heartbeat(self, state: WatchState, wanted: int) -> tuple[WatchState, Landed]:
        place = wanted if self._is_open(state, wanted) else self._last
        shard = state.shards[place]
        after = shard._replace(items=(*shard.items, HEARTBEAT))
        return _with_shard(state, place, after), Landed(str(place), self._position(place, len(shard.items)))

    # what must hold

    def violation(self, state: WatchState) -> str | None:
        """Which promise a state breaks, if any: all that came before `complete_through` is counted, and it
        never goes back.
        """
        reported = self._complete_through(state)
        if reported < state.highest:
            return "`complete_through` goes back"
        for event, came_at in enumerate(state.came_at):
            if 0 <= came_at * _MS < reported and not state.counted >> event & 1:
                return f"`complete_through` is later than {letter(event)} came, which is not counted"
        return None

    def _complete_through(self, state: WatchState) -> int:
        reported = through(self.knowledge[state.known], self._positions(state))
        return -1 if reported is None else reported


def _with_shard(state: WatchState, place: int, shard: ShardState) -> WatchState:
    return state._replace(shards=(*state.shards[:place], shard, *state.shards[place + 1 :]))
