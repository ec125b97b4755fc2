"""What a moment of two authorizers holds: lease records, and what is read of them and written to them."""

from __future__ import annotations

from typing import Any

from metering.quotas.ports import Lease, LeaseChange, LeaseRecord
from simulation.exploration.programs import Numbers
from simulation.exploration.quotas.authorizer import (
    Asked,
    AuthorizerMoment,
    Authorizers,
    LeaseWrite,
    QuotaMeter,
)
from simulation.exploration.quotas.moment import QuotaState, line_of
from simulation.exploration.quotas.quota_world import DAYS, EXPIRED, LATEST, LimitedWorld


class QuotaContents:
    """Whatever the numbers of a world's moments stand for."""

    def __init__(self, world: LimitedWorld, meter: QuotaMeter) -> None:
        self.world = world
        self.authorizers = Authorizers(world, meter)
        self.records = Numbers()
        self.answer = self.authorizers.answers.of
        """The number of an answer to a request."""
        self._meter = meter
        self._written: dict[tuple[int, int], tuple[int, int]] = {}
        self._ids: dict[tuple[str, int], int] = {}

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

    def read(self, state: QuotaState, asked: Asked | None) -> object:
        """What a reading finds."""
        if asked is Asked.COUNTED:
            return state.counted
        lines = [line_of(code) for code in state.lines]
        open_lines = [one for one in lines if not (one.is_given_up and self._meter.passes_given_up)]
        now = self.world.times[state.time]
        return min([now, *(self.world.times[one.time] + LATEST for one in open_lines)])

    def write(self, state: QuotaState, request: int) -> tuple[tuple[int, ...], int]:
        """The records after a write, and the number of its answer."""
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
        answer = self.answer(_write_to(store, place, write))
        after = store.sheets.get(place)
        return (0 if after is None else self.records.of(after)), answer

    def free_id(self, state: QuotaState, number: int) -> str:
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


def _write_to(store: Any, place: Any, write: LeaseWrite) -> object:
    if isinstance(write.content[0], LeaseChange):
        return store.take(write.content[0])
    return getattr(store, write.operation)(place, *write.content)


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
