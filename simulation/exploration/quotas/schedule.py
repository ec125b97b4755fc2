"""What may happen next to two authorizers of a limit, and what must hold in each of their states.

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
from enum import StrEnum
from typing import Any, Final, NamedTuple

from metering.quotas.ports import Lease, LeaseChange, LeaseRecord
from quota_authorizer.leases import SETTLE_SECONDS
from simulation.exploration.programs import Numbers
from simulation.exploration.quotas.authorizer import (
    NO_LEASE_ANSWER,
    Asked,
    AuthorizerMoment,
    Authorizers,
    CallPlace,
    LeaseWrite,
    QuotaMeter,
)
from simulation.exploration.quotas.quota_world import (
    DAYS,
    EXPIRED,
    LATEST,
    MIDNIGHT,
    SKEW,
    LimitedWorld,
    QuotaFault,
)

_SKEWS: Final = (-SKEW, 0, SKEW)
_MOST_DENIED: Final = 3
_UNTIL_SETTLED: Final = 2 * SETTLE_SECONDS + 20
"""After so many seconds a lease has expired, a spending's slot is over, and both may come back."""


class QuotaEvent(StrEnum):
    """What happens in a step."""

    CALLED = "a call comes"
    ANSWERED = "a request is answered"
    UNANSWERED = "a request gets no answer"
    """A fault. A write is made at any later moment, or never."""
    LANDED = "a write is made that got no answer"
    KILLED = "an authorizer is killed"
    """A fault. Its last write is made at any later moment, or never."""
    CLOCK_SET = "an authorizer's clock is set"
    """A fault."""
    LINE_COUNTED = "the line of a call is counted"
    GIVEN_UP = "Lambda gives up the batch with a call"
    """A fault. A repair counts the call at any later moment."""
    TIME_PASSED = "time passes"


class QuotaStep(NamedTuple):
    """What happened, to which authorizer, and the number of what it is about."""

    event: QuotaEvent
    authorizer: int = -1
    about: int = 0


class QuotaState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers: equal moments are equal tuples."""

    time: int
    authorizers: tuple[tuple[int, int], ...]
    """The number of each, and the seconds by which its clock is wrong."""
    records: tuple[int, ...]
    """What each place of leases holds."""
    in_the_air: tuple[int, ...]
    """Writes without an answer that have not been made, in order."""
    lines: tuple[int, ...]
    """Calls that were let through and are not counted, in order."""
    counted: tuple[int, ...]
    """Calls by key and day."""
    calls: int
    """So many may still come."""
    faults: int
    """So many may still strike."""


class Line(NamedTuple):
    """A call that was let through and is not counted."""

    key: int
    day: int
    time: int
    """The number of the moment at which it was let through."""
    is_given_up: bool = False


class QuotaSchedules:
    """All steps of a small world."""

    def __init__(self, world: LimitedWorld, meter: QuotaMeter, *, is_folded: bool = False) -> None:
        """`is_folded` takes authorizers for one another, which are alike."""
        self.world = world
        self.authorizers = Authorizers(world, meter)
        self.records = Numbers()
        self._of = self.authorizers.answers.of
        self._no_answer, self._nothing = self._of(NO_LEASE_ANSWER), self._of(None)
        self._meter = meter
        self._is_folded = is_folded
        self._written: dict[tuple[int, int], tuple[int, int]] = {}
        self._ids: dict[tuple[str, int], int] = {}
        self._lost: dict[tuple[tuple[int, ...], tuple[int, ...]], str | None] = {}

    @property
    def start(self) -> QuotaState:
        """Nothing has happened."""
        nothing = (0,) * (len(self.world.keys) * len(DAYS))
        both = ((self.authorizers.new, 0),) * self.world.authorizers
        records = (self._of_ended(), *(0,) * (len(self.world.places) - 1))
        return QuotaState(0, both, records, (), (), nothing, self.world.calls, self.world.faults)

    def _of_ended(self) -> int:
        leases = {_id(number): Lease(1, EXPIRED) for number in range(self.world.ended)}
        return self.records.of(LeaseRecord(DAYS[0], len(leases), leases, {})) if leases else 0

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
            records, _ = self._write(state, request)
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
            records, answer = self._write(state, moment.request)
        else:
            records, answer = state.records, self._of(self._read(state, moment.asked))
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
            killed = _with_authorizer(spent, index, self.authorizers.new, skew)
            yield QuotaStep(QuotaEvent.KILLED, index), self._left_in_the_air(killed, moment)
        if moment.call is None and QuotaFault.CLOCK in self.world.kinds:
            for other in _SKEWS:
                if other != skew:
                    yield (
                        QuotaStep(QuotaEvent.CLOCK_SET, index, other),
                        _with_authorizer(spent, index, number, other),
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
                lost = tuple(sorted((*left, _code(line._replace(is_given_up=True)))))
                yield (
                    QuotaStep(QuotaEvent.GIVEN_UP, about=code),
                    state._replace(lines=lost, faults=state.faults - 1),
                )

    def _moved(self, state: QuotaState, index: int, number: int, key: int) -> QuotaState:
        """An authorizer that has come further, up to its next request that others may come before."""
        before: AuthorizerMoment = self.authorizers.moments[state.authorizers[index][0]]
        moment: AuthorizerMoment = self.authorizers.moments[number]
        while moment.asked is Asked.ID or (moment.asked is Asked.COUNTED and moment.is_early):
            answer = self._free_id(state, number) if moment.asked is Asked.ID else state.counted
            number = self.authorizers.answered(number, self._of(answer))
            moment = self.authorizers.moments[number]
        if moment.is_allowed and not before.is_allowed:
            line = Line(key, self._day(state.time), state.time)
            state = state._replace(lines=tuple(sorted((*state.lines, _code(line)))))
        return _with_authorizer(state, index, self.authorizers.at_rest(number), state.authorizers[index][1])

    def _key(self, moment: AuthorizerMoment) -> int:
        return moment.call.key if moment.call is not None else 0

    def _day(self, time: int) -> int:
        return int(self.world.times[time] >= MIDNIGHT)

    # what is asked for

    def _read(self, state: QuotaState, asked: Asked | None) -> object:
        if asked is Asked.COUNTED:
            return state.counted
        lines = [line_of(code) for code in state.lines]
        open_lines = [one for one in lines if not (one.is_given_up and self._meter.passes_given_up)]
        now = self.world.times[state.time]
        return min([now, *(self.world.times[one.time] + LATEST for one in open_lines)])

    def _write(self, state: QuotaState, request: int) -> tuple[tuple[int, ...], int]:
        write: LeaseWrite = self.authorizers.requests[request]
        held = state.records[write.place]
        found = self._written.get((held, request))
        if found is None:
            found = self._written[held, request] = self._write_anew(held, write)
        after, answer = found
        return (*state.records[: write.place], after, *state.records[write.place + 1 :]), answer

    def _write_anew(self, held: int, write: LeaseWrite) -> tuple[int, int]:
        store, place = self._meter.store(), self.world.places[write.place]
        if held:
            store.sheets[place] = self.records[held]
        answer = self._of(write_to(store, place, write))
        after = store.sheets.get(place)
        return (0 if after is None else self.records.of(after)), answer

    def _free_id(self, state: QuotaState, number: int) -> str:
        """The lowest that nobody knows any more."""
        used = self._known_ids("moment", number)
        for other, _ in state.authorizers:
            used |= self._known_ids("moment", other)
        for record in state.records:
            used |= self._known_ids("record", record)
        for request in state.in_the_air:
            used |= self._known_ids("request", request)
        return _id((~used & used + 1).bit_length() - 1)

    def _known_ids(self, kind: str, number: int) -> int:
        """The ids that something has in it, a bit each."""
        found = self._ids.get((kind, number))
        if found is None:
            found = self._ids[kind, number] = _ids_in(self._described(kind, number))
        return found

    def _described(self, kind: str, number: int) -> object:
        if kind == "record":
            return self.records[number]
        if kind == "request":
            return self.authorizers.requests[number]
        moment: AuthorizerMoment = self.authorizers.moments[number]
        answers = [self.authorizers.answers[one] for one in moment.answers]
        return self.authorizers.memories[moment.memory], self.authorizers.requests[moment.request], answers

    # what must hold

    def violation(self, state: QuotaState) -> str | None:
        """Which promise a state breaks, if any.

        No more calls are let through than the limit. A lease record grants no less than what was let through
        and what may still be. And nothing is lost for ever: if all authorizers end, and time passes, all that
        was not used can be used.
        """
        let_through = self._let_through(state)
        day = self._day(state.time)
        for place in range(len(state.records)):
            used = self._used(let_through, place, day)
            amount = self.world.amount_at(place)
            if used > amount:
                return f"{_calls(used)} allowed under a limit of {amount}"
            if self.world.checks_record and (few := self._granted_too_little(state, place, used, day)):
                return few
        key = (state.records, let_through)
        if key not in self._lost:
            self._lost[key] = self._lost_for_ever(state.records, let_through)
        return self._lost[key]

    def _let_through(self, state: QuotaState) -> tuple[int, ...]:
        found = list(state.counted)
        for code in state.lines:
            line = line_of(code)
            found[line.key * len(DAYS) + line.day] += 1
        return tuple(found)

    def _used(self, let_through: tuple[int, ...], place: int, day: int) -> int:
        return sum(let_through[key * len(DAYS) + day] for key in self.world.keys_at(place))

    def _granted_too_little(self, state: QuotaState, place: int, used: int, day: int) -> str | None:
        record: LeaseRecord | None = self.records[state.records[place]]
        if record is None or record.period != DAYS[day]:
            return None
        may_be = used + sum(self._still_spends(state, one, place, day) for one in state.authorizers)
        if may_be <= record.granted:
            return None
        few = f"and the lease record has granted {record.granted}"
        return f"{_calls(may_be)} allowed or may be, {few}"

    def _still_spends(self, state: QuotaState, authorizer: tuple[int, int], place: int, day: int) -> int:
        """What an authorizer that has no call may let through from its memory, by its clock."""
        number, skew = authorizer
        moment: AuthorizerMoment = self.authorizers.moments[number]
        if moment.call is not None:
            return 0
        return self.authorizers.spendable(number, place, DAYS[day], self.world.times[state.time] + skew)

    def _lost_for_ever(self, records: tuple[int, ...], let_through: tuple[int, ...]) -> str | None:
        """What cannot be used when all lines are counted and all leases have expired."""
        later = self.world.times[-1] + _UNTIL_SETTLED
        day = int(later >= MIDNIGHT)
        own = [self.world.amount if self.world.of_key is None else self.world.of_key for _ in self.world.keys]
        there = min(self.world.amount, sum(own))
        used = self._used(let_through, 0, day)
        wanted, number = there - used, self.authorizers.new
        for key in range(len(self.world.keys)):
            at, denied = later, 0
            while wanted > 0 and denied < _MOST_DENIED:
                number, records, is_allowed = self._alone(
                    number, records, let_through, CallPlace(key, at, at)
                )
                if is_allowed:
                    wanted -= 1
                    place = key * len(DAYS) + day
                    let_through = (*let_through[:place], let_through[place] + 1, *let_through[place + 1 :])
                else:
                    at, denied = at + _UNTIL_SETTLED, denied + 1
        if wanted <= 0:
            return None
        return f"{wanted} of {there} calls can never be allowed, although {_calls(used)}"

    def _alone(
        self, number: int, records: tuple[int, ...], counted: tuple[int, ...], call: CallPlace
    ) -> tuple[int, tuple[int, ...], bool]:
        """A call when nothing else happens."""
        state = self.start._replace(records=records, counted=counted)
        number = self.authorizers.called(number, call)
        while (moment := self.authorizers.moments[number]).call is not None:
            if moment.asked is Asked.WRITE:
                after, answer = self._write(state, moment.request)
                state = state._replace(records=after)
            elif moment.asked is Asked.ID:
                answer = self._of(self._free_id(state, number))
            else:
                answer = self._of(counted if moment.asked is Asked.COUNTED else call.at)
            number = self.authorizers.answered(number, answer)
        return self.authorizers.at_rest(number), state.records, moment.is_allowed


def write_to(store: Any, place: Any, write: LeaseWrite) -> object:
    """Make a write."""
    if isinstance(write.content[0], LeaseChange):
        return store.take(write.content[0])
    return getattr(store, write.operation)(place, *write.content)


def _calls(number: int) -> str:
    return "1 call was" if number == 1 else f"{number} calls were"


def line_of(code: int) -> Line:
    """A line by its number."""
    rest, is_given_up = divmod(code, 2)
    rest, time = divmod(rest, 16)
    key, day = divmod(rest, len(DAYS))
    return Line(key, day, time, bool(is_given_up))


def _code(line: Line) -> int:
    return ((line.key * len(DAYS) + line.day) * 16 + line.time) * 2 + line.is_given_up


def _with_authorizer(state: QuotaState, index: int, number: int, skew: int) -> QuotaState:
    others = state.authorizers
    return state._replace(authorizers=(*others[:index], (number, skew), *others[index + 1 :]))


def _id(number: int) -> str:
    return f"lease-{number}"


def _ids_in(value: object) -> int:
    """The ids of leases in a value, a bit each."""
    if isinstance(value, str):
        head, _, number = value.partition("lease-")
        return 1 << int(number) if not head and number else 0
    if isinstance(value, dict):
        return _ids_in([*value, *value.values()])
    found = 0
    if isinstance(value, tuple | list):
        for one in value:
            found |= _ids_in(one)
    return found
