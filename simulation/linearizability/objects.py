"""How a counter, and what is known of completeness, must behave if nobody is in the way."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple


class AddCalls(NamedTuple):
    """A shard's records from `first` to `last` add calls."""

    shard: str
    first: int
    last: int
    calls: int


class ReadCounter(NamedTuple):
    """The counter is read."""


class CorrectCounter(NamedTuple):
    """Calls are added, and the shard's watermark is raised, if the counter still holds what was read."""

    held: int
    added: int
    shard: str
    mark: int


class CounterState(NamedTuple):
    """A counter: its calls, and the watermark of each shard, sorted."""

    calls: int = 0
    watermarks: tuple[tuple[str, int], ...] = ()

    def with_mark(self, calls: int, shard: str, mark: int) -> CounterState:
        """The counter with more calls, and a watermark that is not lower than before."""
        marks = dict(self.watermarks)
        marks[shard] = max(mark, marks.get(shard, mark))
        return CounterState(self.calls + calls, tuple(sorted(marks.items())))


REFUSED = "refused"
WRITTEN = "written"


def counter(state: Hashable, call: Hashable) -> tuple[Hashable, object]:
    """The counter after a call, and its answer."""
    if not isinstance(state, CounterState):
        raise TypeError(f"{state!r} is no counter")
    match call:
        case AddCalls(shard, first, last, calls):
            watermark = dict(state.watermarks).get(shard)
            if watermark is not None and watermark >= first:
                return state, (REFUSED, watermark)
            after = state.with_mark(calls, shard, last)
            return after, (WRITTEN, after.calls)
        case CorrectCounter(held, added, shard, mark):
            if state.calls != held:
                return state, REFUSED
            return state.with_mark(added, shard, mark), WRITTEN
        case _:
            return state, state.calls


class SaveVersion(NamedTuple):
    """What a run of the watch knows is kept in place of the version before it."""

    version: int


class LoadVersion(NamedTuple):
    """What is known is read."""


def completeness(state: Hashable, call: Hashable) -> tuple[Hashable, object]:
    """What is known of completeness after a call, and its answer. The state is the version."""
    if not isinstance(state, int):
        raise TypeError(f"{state!r} is no version")
    match call:
        case SaveVersion(version):
            is_next = version == state + 1
            return (version, True) if is_next else (state, False)
        case _:
            return state, state
