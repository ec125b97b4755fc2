"""What must hold in each moment of two authorizers of a limit."""

from __future__ import annotations

from typing import Final

from metering.quotas.ports import LeaseRecord
from quota_authorizer.leases import SETTLE_SECONDS
from simulation.exploration.quotas.authorizer import Asked, AuthorizerMoment, CallPlace
from simulation.exploration.quotas.contents import QuotaContents
from simulation.exploration.quotas.moment import QuotaState, line_of
from simulation.exploration.quotas.quota_world import DAYS, MIDNIGHT

_MOST_DENIED: Final = 3
_UNTIL_SETTLED: Final = 2 * SETTLE_SECONDS + 20
"""After so many seconds a lease has expired, a spending's slot is over, and both may come back."""


class QuotaPromises:
    """The promises of a world."""

    def __init__(self, contents: QuotaContents) -> None:
        self._contents = contents
        self._world = contents.world
        self._lost: dict[tuple[tuple[int, ...], tuple[int, ...]], str | None] = {}

    def violation(self, state: QuotaState) -> str | None:
        """Which promise a state breaks, if any.

        No more calls are let through than the limit. A lease record grants no less than what was let through
        and what may still be. And nothing is lost for ever: if all authorizers end, and time passes, all that
        was not used can be used.
        """
        let_through = self._let_through(state)
        day = self._world.day_at(state.time)
        for place in range(len(state.records)):
            used = self._used(let_through, place, day)
            amount = self._world.amount_at(place)
            if used > amount:
                return f"{_calls(used)} allowed under a limit of {amount}"
            if self._world.checks_record and (few := self._granted_too_little(state, place, used, day)):
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
        return sum(let_through[key * len(DAYS) + day] for key in self._world.keys_at(place))

    def _granted_too_little(self, state: QuotaState, place: int, used: int, day: int) -> str | None:
        record: LeaseRecord | None = self._contents.records[state.records[place]]
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
        moment: AuthorizerMoment = self._contents.authorizers.moments[number]
        if moment.call is not None:
            return 0
        return self._contents.authorizers.spendable(
            number, place, DAYS[day], self._world.times[state.time] + skew
        )

    def _lost_for_ever(self, records: tuple[int, ...], let_through: tuple[int, ...]) -> str | None:
        """What cannot be used when all lines are counted and all leases have expired."""
        later = self._world.times[-1] + _UNTIL_SETTLED
        day = int(later >= MIDNIGHT)
        own = [
            self._world.amount if self._world.of_key is None else self._world.of_key for _ in self._world.keys
        ]
        there = min(self._world.amount, sum(own))
        used = self._used(let_through, 0, day)
        wanted, number = there - used, self._contents.authorizers.new
        for key in range(len(self._world.keys)):
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
        state = self._contents.start._replace(records=records, counted=counted)
        number = self._contents.authorizers.called(number, call)
        while (moment := self._contents.authorizers.moments[number]).call is not None:
            if moment.asked is Asked.WRITE:
                after, answer = self._contents.write(state, moment.request)
                state = state._replace(records=after)
            elif moment.asked is Asked.ID:
                answer = self._contents.answer(self._contents.free_id(state, number))
            else:
                answer = self._contents.answer(counted if moment.asked is Asked.COUNTED else call.at)
            number = self._contents.authorizers.answered(number, answer)
        return self._contents.authorizers.at_rest(number), state.records, moment.is_allowed


def _calls(number: int) -> str:
    return "1 call was" if number == 1 else f"{number} calls were"
