"""A process with the shipped book of layouts, as a tree: what it asks the table for, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from metering.counters.ledger_layout import LayoutAnswer, LayoutHistory, LayoutSource, LedgerLayout
from simulation.exploration.changes.settings_world import LAYOUTS, now_ms
from simulation.exploration.programs import Numbers
from simulation.protocol.world_of_changes import ChangingMeter

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LayoutRequest(IntEnum):
    """What a book asks for."""

    BEGIN = 0
    APPEND = 1


_Reading = tuple[int, tuple[int, ...]]
"""A day, and the answers that were had on it, by number."""


@dataclass(frozen=True, slots=True)
class LayoutMoment:
    """A process: the settings that it began with, what it has read, and what it asks for next."""

    settings: int
    read: tuple[_Reading, ...] = ()
    day: int = -1
    """Of the batch that it has; -1: none."""
    answers: tuple[int, ...] = ()
    request: LayoutRequest | None = None
    content: int = 0
    """By number."""
    history: int = 0
    """By number: the layouts that it goes by; 0: not known."""


class LayoutProcesses:
    """All processes of a world, on all their ways."""

    def __init__(self, meter: ChangingMeter) -> None:
        self.moments = Numbers()
        self.answers = Numbers()
        self.contents = Numbers()
        self.histories = Numbers()
        self._layouts = meter.layouts
        self._next: dict[tuple[int, int], int] = {}

    def begun(self, settings: int) -> int:
        """A process that has done nothing."""
        return self.moments.of(LayoutMoment(settings))

    def handed(self, number: int, day: int) -> int:
        """A process that gets a batch on a day."""
        moment: LayoutMoment = self.moments[number]
        return self.moments.of(self._run(replace(moment, day=day)))

    def answered(self, number: int, answer: LayoutAnswer) -> int:
        """A process whose book has one more answer."""
        place = (number, self.answers.of(answer))
        found = self._next.get(place)
        if found is None:
            moment: LayoutMoment = self.moments[number]
            after = replace(moment, answers=(*moment.answers, place[1]))
            found = self._next[place] = self.moments.of(self._run(after))
        return found

    def left(self, number: int) -> int:
        """A process that is done with its batch."""
        moment: LayoutMoment = self.moments[number]
        read = (*moment.read, (moment.day, moment.answers)) if moment.answers else moment.read
        return self.moments.of(LayoutMoment(moment.settings, read))

    def _run(self, moment: LayoutMoment) -> LayoutMoment:
        store = _Layouts()
        book = self._layouts(store, LAYOUTS[moment.settings], store.time)
        for day, answers in moment.read:
            store.give(day, (self.answers[one] for one in answers))
            book.known()
        store.give(moment.day, (self.answers[one] for one in moment.answers))
        return self._known(moment, book)

    def _known(self, moment: LayoutMoment, book: LayoutSource) -> LayoutMoment:
        try:
            history = book.known()
        except _Missing as missing:
            return replace(moment, request=missing.request, content=self.contents.of(missing.content))
        number = 0 if history is None else self.histories.of(history)
        return replace(moment, request=None, content=0, history=number)


class _Missing(Exception):
    """The book has come to a request that no answer is known to."""

    def __init__(self, request: LayoutRequest, content: object) -> None:
        super().__init__()
        self.request = request
        self.content = content


class _Layouts:
    """The port `LayoutStore` and the clock, with known answers."""

    def __init__(self) -> None:
        self._day = 0
        self._answers: Iterator[LayoutAnswer] = iter(())

    def give(self, day: int, answers: Iterable[Any]) -> None:
        self._day, self._answers = day, iter(answers)

    def time(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=now_ms(self._day))

    def begin(self, first: LedgerLayout) -> LayoutAnswer:
        return self._answer(LayoutRequest.BEGIN, first)

    def append(self, known: LayoutHistory, since_ms: int, layout: LedgerLayout) -> LayoutAnswer:
        return self._answer(LayoutRequest.APPEND, (known, since_ms, layout))

    def _answer(self, request: LayoutRequest, content: object) -> LayoutAnswer:
        for answer in self._answers:
            return answer
        raise _Missing(request, content)
