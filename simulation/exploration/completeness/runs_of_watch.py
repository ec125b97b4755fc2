"""A run of the shipped watch as a tree: what it asks for, and how it goes on by each answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from metering.counters.completeness import Knowledge, Positions
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.errors import Transient
from simulation.exploration.programs import Numbers
from simulation.protocol.watch import SendHeartbeats

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WatchRequest(IntEnum):
    """What a run asks for."""

    LOAD = 0
    SHARDS = 1
    PUT = 2
    SAVE = 3


@dataclass(frozen=True, slots=True)
class RunMoment:
    """A run on its way: the answers that it has had, and what it asks for next; None: it has ended."""

    begun_at: int
    """In seconds of the watch's clock."""
    answers: tuple[int, ...] = ()
    request: WatchRequest | None = None
    content: int = 0
    """By number: the name of a shard, or what is to be saved."""


class WatchRuns:
    """All runs of a world, on all their ways."""

    def __init__(self, send_heartbeats: SendHeartbeats) -> None:
        self.moments = Numbers()
        self.answers = Numbers()
        self.contents = Numbers()
        self._send_heartbeats = send_heartbeats
        self._next: dict[tuple[int, int], int] = {}

    def begun(self, at: int) -> int:
        """A run that has asked for nothing yet."""
        return self._next.setdefault((-1, at), self.moments.of(self._run(RunMoment(at))))

    def answered(self, number: int, answer: object) -> int:
        """A run that has one more answer. A `Transient` is raised there."""
        place = (number, self.answers.of(answer))
        found = self._next.get(place)
        if found is None:
            moment: RunMoment = self.moments[number]
            after = replace(moment, answers=(*moment.answers, place[1]))
            found = self._next[place] = self.moments.of(self._run(after))
        return found

    def _run(self, moment: RunMoment) -> RunMoment:
        ports = _Ports(self.answers[one] for one in moment.answers)
        try:
            self._send_heartbeats(ports, ports, _EPOCH + timedelta(seconds=moment.begun_at))
        except _Missing as missing:
            return replace(moment, request=missing.request, content=self.contents.of(missing.content))
        return replace(moment, request=None, content=0)


NO_REPLY: Final = "no answer"


class _Missing(Exception):
    """The run has come to a request that no answer is known to."""

    def __init__(self, request: WatchRequest, content: object) -> None:
        super().__init__()
        self.request = request
        self.content = content


class _Ports:
    """The ports `ShardStream` and `CompletenessStore`, which give known answers."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self._answers = iter(answers)

    def load(self) -> tuple[Knowledge, Positions]:
        known, positions = self._answer(WatchRequest.LOAD, "")
        return known, dict(positions)

    def shards(self) -> Sequence[ListedShard]:
        found: Sequence[ListedShard] = self._answer(WatchRequest.SHARDS, "")
        return found

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        return [self._answer(WatchRequest.PUT, record.partition_key) for record in records]

    def save(self, known: Knowledge) -> bool:
        is_saved: bool = self._answer(WatchRequest.SAVE, known)
        return is_saved

    def _answer(self, request: WatchRequest, content: object) -> Any:
        for answer in self._answers:
            if answer == NO_REPLY:
                raise Transient(NO_REPLY)
            return answer
        raise _Missing(request, content)
