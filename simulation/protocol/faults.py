"""What can go wrong, and how often: a seed draws for each kind whether it is absent, rare or frequent."""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """The kinds of faults, by the name under which they are reported."""

    COPY_IN_SAME_SHARD = "copy of a record in the same shard"
    COPY_IN_OTHER_SHARD = "copy of a record in another shard"
    COPY_IN_MINUTES = "copy of a record minutes later"
    COPY_IN_HOURS = "copy of a record hours later"
    RECUT_COPY = "copy of some events of several deliveries"
    REPEATED_EVENT = "event twice in a delivery"
    LATE_DELIVERY = "delivery out of order"
    LATE_EVENT = "event logged late"
    AGGREGATE = "KPL aggregate"
    BARE_LINE = "bare line"
    CONTROL = "control message"
    UNDECODABLE = "undecodable record"
    MALFORMED = "malformed line"

    SPLIT = "shard split"
    MERGE = "shard merge"
    EXPIRED = "ledger page expired"
    CLOCK_JUMP = "clock jump"

    REPEATED = "batch repeated: its answer was lost"
    CUT_ANEW = "batch cut again"
    OLD_CHECKPOINT = "batch from an old checkpoint"
    BISECTED = "batch bisected"
    REPLAYED = "stream read again from its start"

    THROTTLED = "write throttled"
    """Not written, and the store says: later."""
    LOST_ANSWER = "write whose answer was lost"
    """Written, and nobody knows."""
    LANDED_LATE = "write that landed late"
    """Given up by the one who asked for it, and written at a later moment."""
    CRASH_BEFORE = "crash before a write"
    CRASH_AFTER = "crash after a write"
    ZOMBIE = "zombie"
    """The invocation stops before a write, is taken for dead, and goes on when others have finished."""

    HEARTBEAT_REFUSED = "heartbeat refused"
    WATCH_STOPPED = "run of the watch that stopped midway"
    WATCH_UNANSWERED = "read or write of the watch without answer"


LEVELS: Final[Mapping[Fault, tuple[float, ...]]] = {
    Fault.COPY_IN_SAME_SHARD: (0.05, 0.3),
    Fault.COPY_IN_OTHER_SHARD: (0.05, 0.3),
    Fault.COPY_IN_MINUTES: (0.05, 0.3),
    Fault.COPY_IN_HOURS: (0.05, 0.3),
    Fault.RECUT_COPY: (0.05, 0.4),
    Fault.REPEATED_EVENT: (0.02, 0.2),
    Fault.LATE_DELIVERY: (0.05, 0.5),
    Fault.LATE_EVENT: (0.05, 0.5),
    Fault.AGGREGATE: (0.05, 0.5),
    Fault.BARE_LINE: (0.02, 0.2),
    Fault.CONTROL: (0.02, 0.1),
    Fault.UNDECODABLE: (0.02, 0.1),
    Fault.MALFORMED: (0.02, 0.2),
    Fault.SPLIT: (0.01, 0.04),
    Fault.MERGE: (0.01, 0.04),
    Fault.EXPIRED: (0.1, 0.5),
    Fault.CLOCK_JUMP: (0.01, 0.1),
    Fault.REPEATED: (0.02, 0.15),
    Fault.CUT_ANEW: (0.1, 0.6),
    Fault.OLD_CHECKPOINT: (0.02, 0.08),
    Fault.BISECTED: (1.0,),
    Fault.REPLAYED: (1.0,),
    Fault.THROTTLED: (0.01, 0.05),
    Fault.LOST_ANSWER: (0.01, 0.05),
    Fault.LANDED_LATE: (0.01, 0.05),
    Fault.CRASH_BEFORE: (0.003, 0.02),
    Fault.CRASH_AFTER: (0.003, 0.02),
    Fault.ZOMBIE: (0.003, 0.02),
    Fault.HEARTBEAT_REFUSED: (0.02, 0.1),
    Fault.WATCH_STOPPED: (0.05, 0.2),
    Fault.WATCH_UNANSWERED: (0.05, 0.2),
}
"""How often a kind strikes where it is not absent: a share of the events, records, batches, writes or steps
that it can strike. Bisecting and replaying are properties of a whole run.
"""

OF_A_WRITE: Final = (
    Fault.THROTTLED,
    Fault.LOST_ANSWER,
    Fault.LANDED_LATE,
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.ZOMBIE,
)

Rates = Mapping[Fault, float]
NO_FAULTS: Final[Rates] = dict.fromkeys(Fault, 0.0)

_PEACEFUL_SHARE: Final = 0.05


def draw_rates(dice: random.Random) -> Rates:
    """The rates of one run: a few are without any fault."""
    if dice.random() < _PEACEFUL_SHARE:
        return NO_FAULTS
    return {fault: dice.choice((0.0, *LEVELS[fault])) for fault in Fault}


def draw_for_write(dice: random.Random, rates: Rates) -> Fault | None:
    """What happens to a write, if not the usual."""
    drawn = dice.random()
    for fault in OF_A_WRITE:
        drawn -= rates[fault]
        if drawn < 0:
            return fault
    return None
