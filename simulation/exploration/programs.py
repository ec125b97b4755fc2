"""The shipped processor as a tree: what it asks of storage, and how it goes on by each answer.

It is a function of its batch and the answers. So it is run once for each sequence of answers, up to the first
one that is missing, and what it asks for there is remembered. A node of the tree is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final, NamedTuple

from metering.calls.record import StreamRecord, read_record
from metering.counters.ledger_layout import LayoutSource
from metering.counters.ports import CounterAnswer, LedgerAnswer, SliceId, Status
from simulation.protocol.invocation import BatchProcessor, InvocationEnvironment


class Port(IntEnum):
    """A port of storage."""

    LEDGER = 0
    SLICES = 1
    COUNTERS = 2
    PROGRESS = 3


NO_ANSWER: Final[Mapping[Port, object]] = {
    Port.LEDGER: LedgerAnswer(Status.UNAVAILABLE),
    Port.SLICES: Status.UNAVAILABLE,
    Port.COUNTERS: CounterAnswer(Status.UNAVAILABLE),
    Port.PROGRESS: None,
}
"""What the processor gets where the store does not answer."""


class Numbers:
    """Numbers for values that are equal, beginning with 1, so that states are short and compare fast."""

    def __init__(self) -> None:
        self._values: list[Any] = [None]
        self._number_of: dict[Hashable, int] = {}

    def of(self, value: object) -> int:
        """The number of a value."""
        key = hashable(value)
        number = self._number_of.get(key)
        if number is None:
            number = self._number_of[key] = len(self._values)
            self._values.append(value)
        return number

    def known(self, value: object) -> int:
        """The number of a value, or 0 where it has none."""
        return self._number_of.get(hashable(value), 0)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, number: int) -> Any:
        return self._values[number]


def hashable(value: object) -> Hashable:
    """The same value without mappings and lists."""
    if isinstance(value, Mapping):
        return tuple((key, hashable(one)) for key, one in sorted(value.items()))
    if isinstance(value, tuple | list):
        return (type(value).__name__, *map(hashable, value))
    if not isinstance(value, Hashable):
        raise TypeError(f"{value!r} has no number: it cannot be hashed")
    return value


class Request(NamedTuple):
    """One write of one port."""

    port: Port
    content: Any


@dataclass(frozen=True, slots=True)
class Node:
    """A batch on its way: the write requests without an answer so far, or else its report."""

    batch: tuple[int, int, int]
    """The place of the shard, and the places of the first record and of the one behind the last."""
    calls: tuple[tuple[int, ...], ...] = ()
    """The answers to earlier calls of ports, by number."""
    answers: tuple[int, ...] = ()
    """Those to this call, by number; 0: none yet."""
    requests: tuple[int, ...] = ()
    """Those of this call, by number."""
    is_done: bool = False
    failed_from: int | None = None
    claims: bool = False
    """Whether this call is one of the ledger."""


class Programs:
    """All batches of a world, on all their ways."""

    def __init__(
        self,
        stream: Sequence[Sequence[StreamRecord]],
        processor: Callable[[InvocationEnvironment, LayoutSource], BatchProcessor],
        layout: LayoutSource,
    ) -> None:
        self.nodes = Numbers()
        self.requests = Numbers()
        self.answers = Numbers()
        self.no_answer = {port: self.answers.of((port, answer)) for port, answer in NO_ANSWER.items()}
        self._stream = stream
        self._processor = processor
        self._layout = layout
        self._begun: dict[tuple[int, int, int], int] = {}
        self._next: dict[tuple[int, int, int], int] = {}

    def begin(self, batch: tuple[int, int, int]) -> int:
        """The node of a batch of which nothing has happened yet."""
        found = self._begun.get(batch)
        if found is None:
            found = self._begun[batch] = self._at(batch, ())
        return found

    def after(self, node: int, index: int, answer: int) -> int:
        """The node after one more answer to the present call."""
        place = (node, index, answer)
        found = self._next.get(place)
        if found is None:
            found = self._next[place] = self._after(self.nodes[node], index, answer)
        return found

    def _after(self, node: Node, index: int, answer: int) -> int:
        answers = (*node.answers[:index], answer, *node.answers[index + 1 :])
        if 0 in answers:
            return self.nodes.of(replace(node, answers=answers))
        return self._at(node.batch, (*node.calls, answers))

    def _at(self, batch: tuple[int, int, int], calls: tuple[tuple[int, ...], ...]) -> int:
        shard, first, end = batch
        process = _Replayed([[self.answers[one][1] for one in answers] for answers in calls])
        try:
            report = self._processor(process, self._layout).process(self._stream[shard][first:end])
        except _Unanswered as asked:
            requests = tuple(self.requests.of(Request(asked.port, one)) for one in asked.requests)
            claims = asked.port is Port.LEDGER
            return self.nodes.of(Node(batch, calls, (0,) * len(requests), requests, claims=claims))
        return self.nodes.of(Node(batch, calls, is_done=True, failed_from=report.failed_from))


class _Unanswered(Exception):
    """The processor has come to a call that no answers are known to."""

    def __init__(self, port: Port, requests: Sequence[Any]) -> None:
        super().__init__()
        self.port = port
        self.requests = requests


class _Replayed(InvocationEnvironment):
    """A new process, whose storage gives known answers."""

    def __init__(self, calls: Sequence[Sequence[Any]]) -> None:
        self.read = read_record
        self._calls = iter(calls)

    def append(self, appends: Sequence[Any]) -> Sequence[LedgerAnswer]:
        return self._answers(Port.LEDGER, appends)

    def register(self, slices: Sequence[SliceId]) -> Sequence[Status]:
        return self._answers(Port.SLICES, slices)

    def add(self, increments: Sequence[Any]) -> Sequence[CounterAnswer]:
        return self._answers(Port.COUNTERS, increments)

    def note(self, progress: Any) -> None:
        self._answers(Port.PROGRESS, [progress])

    def _answers(self, port: Port, requests: Sequence[Any]) -> Sequence[Any]:
        if not requests:
            return []
        answers = next(self._calls, None)
        if answers is None:
            raise _Unanswered(port, requests)
        return answers
