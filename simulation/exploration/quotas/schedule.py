"""What may happen next to two authorizers of a limit.

A call may come to either of them at any moment. An authorizer makes one request after the other; between any
two of them the other one goes on, the line of a call is counted, or the authorizer is killed. A write may get
no answer, and is made at any later moment or never. Time passes from moment to moment, never during a call:
Lambda ends a call that takes long, which is as being killed.

A call's line reaches the stream at any time up to :data:`LATEST` seconds after the call, and is counted at
any time after that, or given up and counted by a repair. The time through which everything is settled is the
latest that is true: the one by which most comes back.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from typing import Final

from simulation.exploration.quotas.authorizer import (
    NO_LEASE_ANSWER,
    Asked,
    AuthorizerMoment,
    CallPlace,
    QuotaMeter,
)
from simulation.exploration.quotas.contents import QuotaContents
from simulation.exploration.quotas.moment import (
    Line,
    QuotaEvent,
    QuotaState,
    QuotaStep,
    code_of,
    line_of,
    with_authorizer,
)
from simulation.exploration.quotas.promises import QuotaPromises
from simulation.exploration.quotas.quota_world import DAYS, SKEW, LimitedWorld, QuotaFault

_SKEWS: Final = (-SKEW, 0, SKEW)


class QuotaSchedules:
    """All steps of a small world."""

    def __init__(self, world: LimitedWorld, meter: QuotaMeter, *, is_folded: bool = False) -> None:
        """`is_folded` takes authorizers for one another, which are alike."""
        self.world = world
        self._contents = QuotaContents(world, meter)
        self.authorizers = self._contents.authorizers
        self.records = self._contents.records
        self._promises = QuotaPromises(self._contents)
        answer = self._contents.answer
        self._no_answer, self._nothing = answer(NO_LEASE_ANSWER), answer(None)
        self._is_folded = is_folded

    @property
    def start(self) -> QuotaState:
        """Nothing has happened."""
        return self._contents.start

    def violation(self, state: QuotaState) -> str | None:
        """Which promise a state breaks, if any."""
        return self._promises.violation(state)

    def packed(self, state: QuotaState) -> bytes:
        """A state as bytes. Version 2 of the format has no references: equal states give equal bytes."""
        return marshal.dumps(tuple(state), 2)

    def unpacked(self, packed: bytes) -> QuotaState:
        """The state that bytes are of."""
        return QuotaState(*marshal.loads(packed))  # noqa: S302 - our own bytes, of this process

    def steps(self, state: QuotaState) -> Iterator[tuple[QuotaStep, QuotaState]]:
        """Everything that may happen next, each with the state after it."""
        for step, after in self._steps(state):
            yield step, self._folded(after) if self._is_folded else after

    def _folded(self, state: QuotaState) -> QuotaState:
        return state._replace(authorizers=tuple(sorted(state.authorizers)))

    def _steps(self, state: QuotaState) -> Iterator[tuple[QuotaStep, QuotaState]]:
        for index, (number, _) in enumerate(state.authorizers):
            if self._is_folded and index and state.authorizers[index] == state.authorizers[index - 1]:
                continue
            moment: AuthorizerMoment = self.authorizers.moments[number]
            yield from (
                self._called(state, index) if moment.call is None else self._asked(state, index, moment)
            )
            if state.faults:
                yield from self._struck(state._replace(faults=state.faults - 1), index, moment)
        for index, request in enumerate(state.in_the_air):
            records, _ = self._contents.write(state, request)
            left = state.in_the_air[:index] + state.in_the_air[index + 1 :]
            yield (
                QuotaStep(QuotaEvent.LANDED, about=request),
                state._replace(records=records, in_the_air=left),
            )
        yield from self._of_lines(state)
        if state.time + 1 < len(self.world.times) and self._all_at_rest(state):
            yield QuotaStep(QuotaEvent.TIME_PASSED, about=state.time + 1), state._replace(time=state.time + 1)

    def _may_strike(self, state: QuotaState, kind: QuotaFault) -> bool:
        return state.faults > 0 and kind in self.world.kinds

    def _all_at_rest(self, state: QuotaState) -> bool:
        return all(self.authorizers.moments[number].call is None for number, _ in state.authorizers)

    def _called(self, state: QuotaState, index: int) -> Iterator[tuple[QuotaStep, QuotaState]]:
        if not state.calls:
            return
        number, skew = state.authorizers[index]
        at = self.world.times[state.time]
        spent = state._replace(calls=state.calls - 1)
        for key in range(len(self.world.keys)):
            after = self.authorizers.called(number, CallPlace(key, at, at + skew))
            yield QuotaStep(QuotaEvent.CALLED, index, key), self._moved(spent, index, after, key)

    def _asked(
        self, state: QuotaState, index: int, moment: AuthorizerMoment
    ) -> Iterator[tuple[QuotaStep, QuotaState]]:
        """The request that an authorizer makes next."""
        number = state.authorizers[index][0]
        if moment.asked is Asked.WRITE:
            records, answer = self._contents.write(state, moment.request)
        else:
            records, answer = state.records, self._contents.answer(self._contents.read(state, moment.asked))
        after = self.authorizers.answered(number, answer)
        yield (
            QuotaStep(QuotaEvent.ANSWERED, index, answer),
            self._moved(state._replace(records=records), index, after, self._key(moment)),
        )
        if self._may_strike(state, QuotaFault.UNANSWERED):
            no_answer = self._no_answer if moment.asked is Asked.WRITE else self._nothing
            after = self.authorizers.answered(number, no_answer)
            spent = self._left_in_the_air(state._replace(faults=state.faults - 1), moment)
            yield (
                QuotaStep(QuotaEvent.UNANSWERED, index),
                self._moved(spent, index, after, self._key(moment)),
            )

    def _struck(
        self, spent: QuotaState, index: int, moment: AuthorizerMoment
    ) -> Iterator[tuple[QuotaStep, QuotaState]]:
        number, skew = spent.authorizers[index]
        if number != self.authorizers.new and QuotaFault.KILLED in self.world.kinds:
            killed = with_authorizer(spent, index, self.authorizers.new, skew)
            yield QuotaStep(QuotaEvent.KILLED, index), self._left_in_the_air(killed, moment)
        if moment.call is None and QuotaFault.CLOCK in self.world.kinds:
            for other in _SKEWS:
                if other != skew:
                    yield (
                        QuotaStep(QuotaEvent.CLOCK_SET, index, other),
                        with_authorizer(spent, index, number, other),
                    )

    def _left_in_the_air(self, state: QuotaState, moment: AuthorizerMoment) -> QuotaState:
        if moment.asked is not Asked.WRITE:
            return state
        return state._replace(in_the_air=tuple(sorted((*state.in_the_air, moment.request))))

    def _of_lines(self, state: QuotaState) -> Iterator[tuple[QuotaStep, QuotaState]]:
        for index, code in enumerate(state.lines):
            if index and code == state.lines[index - 1]:
                continue
            line = line_of(code)
            left = state.lines[:index] + state.lines[index + 1 :]
            place = line.key * len(DAYS) + line.day
            counted = (*state.counted[:place], state.counted[place] + 1, *state.counted[place + 1 :])
            yield (
                QuotaStep(QuotaEvent.LINE_COUNTED, about=code),
                state._replace(lines=left, counted=counted),
            )
            if not line.is_given_up and self._may_strike(state, QuotaFault.GIVEN_UP):
                lost = tuple(sorted((*left, code_of(line._replace(is_given_up=True)))))
                yield (
                    QuotaStep(QuotaEvent.GIVEN_UP, about=code),
                    state._replace(lines=lost, faults=state.faults - 1),
                )

    def _moved(self, state: QuotaState, index: int, number: int, key: int) -> QuotaState:
        """An authorizer that has come further, up to its next request that others may come before."""
        before: AuthorizerMoment = self.authorizers.moments[state.authorizers[index][0]]
        moment: AuthorizerMoment = self.authorizers.moments[number]
        while moment.asked is Asked.ID or (moment.asked is Asked.COUNTED and moment.is_early):
            answer = self._contents.free_id(state, number) if moment.asked is Asked.ID else state.counted
            number = self.authorizers.answered(number, self._contents.answer(answer))
            moment = self.authorizers.moments[number]
        if moment.is_allowed and not before.is_allowed:
            line = Line(key, self.world.day_at(state.time), state.time)
            state = state._replace(lines=tuple(sorted((*state.lines, code_of(line)))))
        return with_authorizer(state, index, self.authorizers.at_rest(number), state.authorizers[index][1])

    def _key(self, moment: AuthorizerMoment) -> int:
        return moment.call.key if moment.call is not None else 0
