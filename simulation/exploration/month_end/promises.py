"""What must hold in each moment of a small month end."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from metering.proof.month_state import Closing, State
from metering.usage import NO_USAGE
from reconciliation.closing import decode_usage
from simulation.exploration.month_end.contents import MonthEndContents
from simulation.exploration.month_end.moment import ENDED, HEARTBEAT, MonthEndState
from simulation.exploration.month_end.operator_moment import OperatorMoment
from simulation.exploration.month_end.small_month import CALLED, OCTOBER, MonthEndEvent, ms_at
from simulation.exploration.small_world import letter


class MonthEndPromises:
    """The promises of a world."""

    def __init__(self, contents: MonthEndContents) -> None:
        self._contents = contents
        self._world = contents.world

    def violation(self, state: MonthEndState) -> str | None:
        """Which promise a state breaks, if any."""
        checks: tuple[Callable[[MonthEndState], str | None], ...] = (
            self._wrong_counters,
            self._wrongly_complete,
            self._wrongly_sealed,
            self._left_wrong,
            self._wrongly_seen,
        )
        return next((wrong for check in checks if (wrong := check(state)) is not None), None)

    def _wrong_counters(self, state: MonthEndState) -> str | None:
        """Nothing is counted twice, what was counted stays so, and what Lambda is done with is counted."""
        if self._has_other_rules:
            return None
        held, twice = self._contents.found_in(state.tables, state.mark)
        if twice is not None:
            return twice
        missing = state.right & ~held
        if missing:
            return f"{_letters(missing)} was counted rightly in {CALLED}, and is not any more"
        missing = self._passed(state) & ~held & ~state.excused
        return f"Lambda is done with {_letters(missing)}, which is missing in {CALLED}" if missing else None

    @property
    def _has_other_rules(self) -> bool:
        return MonthEndEvent.OTHERWISE in self._world.kinds

    def _passed(self, state: MonthEndState) -> int:
        """The events all of whose records Lambda is done with."""
        bits, waiting = 0, 0
        for came, position in zip(state.shards, state.positions, strict=True):
            for index, (event, _) in enumerate(came):
                if event != HEARTBEAT and index < position:
                    bits |= 1 << event
                elif event != HEARTBEAT:
                    waiting |= 1 << event
        return bits & ~waiting

    def _wrongly_complete(self, state: MonthEndState) -> str | None:
        """What came before the lake was called complete is in it; and likewise in the counters."""
        delivered = self._contents.delivered(state)
        reached = self._contents.complete_through(state) or 0
        held = self._contents.found_in(state.tables, state.mark)[0]
        for event, at in self._came(state).items():
            if ms_at(at) < state.called_complete and event not in delivered:
                return f"the lake is called complete, and {letter(event)} had come, which is not in it"
            is_counted = (held | state.excused) >> event & 1 or self._has_other_rules
            if ms_at(at) < reached and not is_counted:
                return f"`complete_through` is later than {letter(event)} came, which is not counted"
            if ms_at(at) < reached and self._is_in_a_hole(state, event, held):
                return f"`complete_through` is later than {letter(event)} came, which a restore has lost"
        return None

    def _is_in_a_hole(self, state: MonthEndState, event: int, held: int) -> bool:
        """Whether a restored table lacks an event; in such worlds nothing else is excused."""
        is_alone = self._world.kinds == (MonthEndEvent.RESTORED_ALONE,)
        return is_alone and bool(state.excused & ~held & 1 << event)

    def _came(self, state: MonthEndState) -> dict[int, int]:
        """When each event came first, in seconds."""
        found: dict[int, int] = {}
        for event, at in (one for came in state.shards for one in came if one[0] != HEARTBEAT):
            found[event] = min(at, found.get(event, at))
        return found

    def _wrongly_sealed(self, state: MonthEndState) -> str | None:
        """A sealed month bills what was called, as far as it had come when the closing began, or later."""
        month = self._contents.operators.months[state.month]
        if month == "open" or (closing := _decoded(month[1])).state is not State.SEALED:
            return None
        usage = decode_usage(self._contents.operators.kept[closing.usage]).get(CALLED, NO_USAGE)
        held, twice = self._contents.events_in(usage)
        if twice is not None or (usage != NO_USAGE and not held):
            return f"{OCTOBER} is sealed with {usage.requests} calls of {CALLED}, which nobody made so"
        place = int(closing.report.rpartition("-")[2])
        required = self._required(state, place) & ~held
        if required:
            return f"{OCTOBER} is sealed without {_letters(required)}"
        return None

    def _required(self, state: MonthEndState, place: int) -> int:
        """What an operator who has sealed must have billed: what was in the lake when he began."""
        number = state.operators[place]
        moment: OperatorMoment = self._contents.operators.moments[max(number, 0)]
        return moment.delivered if number > 0 else 0

    def _left_wrong(self, state: MonthEndState) -> str | None:
        """Where all is in order and an operator has the log, his repairs leave every counter right."""
        if not self._world.in_order or any(one != ENDED for one in state.operators) or not state.operators:
            return None
        everything = (1 << self._world.events) - 1
        if self._contents.found_in(state.tables)[0] == everything:
            return None
        return f"all is in order and the repair has ended, and the counters of {CALLED} are not right"

    def _wrongly_seen(self, state: MonthEndState) -> str | None:
        """A look-up that has ended shows each call once, and all that were counted when it began."""
        for number in state.operators:
            usage = self._contents.operators.seen.get(number)
            if usage is None:
                continue
            held, _ = self._contents.events_in(usage)
            moment: OperatorMoment = self._contents.operators.moments[number]
            if usage != NO_USAGE and not held:
                return f"a look-up shows {usage.requests} calls of {CALLED}, which nobody made so"
            if missing := moment.delivered & ~held:
                return f"a look-up does not show {_letters(missing)}, which was counted when it began"
        return None


def _decoded(content: bytes) -> Closing:
    return msgspec.json.decode(content, type=Closing)


def _letters(bits: int) -> str:
    return " and ".join(letter(event) for event in range(bits.bit_length()) if bits >> event & 1)
