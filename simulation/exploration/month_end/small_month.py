"""Worlds of one key, a few records and an operator, around the end of October."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import LakeRow
from metering.calls.record import StreamRecord
from metering.counters.heartbeat import Heartbeat, ListedShard, heartbeats
from metering.period import Period
from metering.usage import Usage
from simulation.exploration.small_world import NOON_MS, ONE_PAGE, letter, lines_of
from simulation.month_end.firehose import SimulatedFirehose
from simulation.month_end.lake import SimulatedLake
from simulation.month_end.stores import ErrorObjectsInMemory
from simulation.protocol.meter import simulated_store
from simulation.protocol.stream import SimulatedStream
from simulation.protocol.traffic import Logged, Truth, delivery
from stream_processor.processor import Processor

CALLED: Final = "shop"
"""The key of all calls."""
OCTOBER: Final = Period("2026-10")
LAST_DAY: Final = Period("2026-10-31")
"""Of all calls."""
OVER_AFTER: Final = 22 * 3600
"""In seconds: so much later it is the morning of November 1st."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALTERED_BYTES: Final = 1 << 20


class MonthEndEvent(StrEnum):
    """What happens in a step."""

    PUT = "a call comes into the stream"
    COUNTED = "a record is counted"
    DELIVERED = "Firehose delivers"
    TIME_PASSED = "October ends"
    WATCHED = "the watch runs"
    BACKED_UP = "the counters are backed up"
    STOPPED = "a batch stops after some writes"
    """A fault. Lambda repeats it."""
    GIVEN_UP = "a batch is given up after some writes"
    """A fault."""
    OTHERWISE = "a process with another rule does a part of a batch"
    """A fault."""
    SET_BACK = "the mapping begins at an older place"
    """A fault."""
    RESTORED = "the counters are restored, and the mapping is set back"
    """A fault."""
    RESTORED_ALONE = "the counters are restored, and the mapping is left where it was"
    """A fault."""
    ROW_LOST = "the lake loses a row"
    """A fault."""
    ROW_ALTERED = "a row of the lake is altered"
    """A fault."""
    ROW_BACK = "a row of the lake is as it was"
    KILLED = "an operator is stopped between two requests, and begins again or not"
    """A fault."""
    WORKED = "an operator goes on"


SETTLED: Final = (
    MonthEndEvent.TIME_PASSED,
    *(MonthEndEvent.WATCHED, MonthEndEvent.COUNTED) * 2,
    MonthEndEvent.DELIVERED,
)
"""October is over, and complete on both paths."""
WITH_A_CALL: Final = (
    *(MonthEndEvent.PUT, MonthEndEvent.COUNTED, MonthEndEvent.DELIVERED),
    *SETTLED,
)
"""The same, of a month with a call."""
SEALED_WITH_A_CALL: Final = (*WITH_A_CALL, *(MonthEndEvent.WORKED,) * 10)
"""The same, sealed by the first operator."""


class Work(StrEnum):
    """What an operator does."""

    REPAIR = "repair"
    """Compare, and repair what differs."""
    REBUILD = "rebuild"
    """Bring all counters to the lake's figure that have less."""
    CLOSE = "close"
    ARCHIVE = "archive"
    RESTORE = "restore"
    """Bring an archived month back."""
    LOOK_UP = "look-up"
    """Of the day, while it may be archived."""


@dataclass(frozen=True, slots=True)
class SmallMonth:
    """What is called, what an operator does, and what may go wrong."""

    shards: tuple[tuple[int, ...], ...]
    """By shard: the event of each record, in the order in which they come."""
    work: tuple[Work, ...] = ()
    """In turn: at any time, and beside one another."""
    before: tuple[MonthEndEvent, ...] = SETTLED
    """What has happened at the beginning."""
    faults: int = 0
    kinds: tuple[MonthEndEvent, ...] = ()
    """Of the faults that strike."""
    least_writes: int = 0
    """So many writes of a batch are made before it is given up: with 1, its claim."""
    runs: int = 0
    """Of the watch, at most, beside those at the beginning."""
    has_log: bool = False
    in_order: bool = False
    """Whether an operator waits until all is counted and delivered; the counters must be right then."""
    is_backed_up: bool = False
    """Whether a backup is made, at any time."""
    name: str = field(default="", compare=False)

    @property
    def is_archived(self) -> bool:
        """Whether the month may be archived. Then no record of before the beginning is in the stream."""
        return Work.ARCHIVE in self.work

    @property
    def events(self) -> int:
        """How many distinct events there are."""
        return 1 + max(event for shard in self.shards for event in shard)

    def __str__(self) -> str:
        shards = "; ".join(
            f"{number}: {' '.join(map(letter, one)) or 'nothing'}" for number, one in enumerate(self.shards)
        )
        work = f"; {' and '.join(self.work)}" if self.work else ""
        log = ", with the log" if self.has_log else ""
        order = ", in order" if self.in_order else ""
        begins = {
            (): "",
            SETTLED: ", settled",
            WITH_A_CALL: ", settled with a call",
            SEALED_WITH_A_CALL: ", sealed with a call",
        }.get(self.before, ", later")
        kinds = "".join(f"; {kind}" for kind in self.kinds)
        runs = f"; {self.runs} runs of the watch" if self.runs else ""
        what = f"{shards}{begins}{work}{log}{order}{runs}; {self.faults} faults{kinds}"
        return f"{self.name or 'month-end'} ({what})"


def time_at(seconds: int) -> datetime:
    """The time so many seconds after the noon of October 31st."""
    return _EPOCH + timedelta(milliseconds=NOON_MS + 1000 * seconds)


def ms_at(seconds: int) -> int:
    """The same, in epoch milliseconds."""
    return NOON_MS + 1000 * seconds


def shard_id(place: int) -> str:
    """As Kinesis names it."""
    return f"shardId-{place:012d}"


def listed(shards: int) -> list[ListedShard]:
    """The shards of the stream, all of them open."""
    return [ListedShard(shard_id(place), "", True, (), 1) for place in range(shards)]  # noqa: FBT003 - the port's


def log_event(event: int) -> LogEvent:
    """The line of a call, as the log group keeps it."""
    line = lines_of([(CALLED, event, NOON_MS)]).decode()
    return LogEvent(f"log-event-{event}", NOON_MS, line)


def record(place: int, position: int, event: int, arrived: int) -> StreamRecord:
    """A record of the stream; of an event below 0, a heartbeat."""
    if event < 0:
        (one,) = heartbeats(listed(place + 1)[place:], time_at(arrived))
        return StreamRecord(shard_id(place), position, _data(one), ms_at(arrived))
    return StreamRecord(shard_id(place), position, _delivery(event), ms_at(arrived))


def _data(one: Heartbeat) -> bytes:
    return one.data


def _delivery(event: int) -> bytes:
    line = log_event(event)
    logged = Logged(line.id, line.timestamp, line.message, Truth(CALLED, None, line.timestamp))
    return delivery([logged]).data


@lru_cache
def row_of(event: int, *, is_altered: bool = False) -> LakeRow:
    """The row that the shipped transform makes of an event, or that row with other bytes in it."""
    dice = random.Random(1)
    stream, lake = SimulatedStream(dice, 1, 0, 1), SimulatedLake()
    stream.put(stream.shards[0], _delivery(event), NOON_MS)
    SimulatedFirehose(dice, stream, lake, ErrorObjectsInMemory()).catch_up(NOON_MS)
    row = next(iter(lake.objects.values()))[0].row
    if not is_altered:
        return row
    return msgspec.structs.replace(row, responsesize=(row.responsesize or 0) + _ALTERED_BYTES)


@lru_cache
def usage_of(event: int) -> Usage:
    """What a call adds to its counters, by the shipped processor alone."""
    store = simulated_store(lambda: NOON_MS)
    ports = (store.ledger, store.slices, store.counters, store.progress)
    Processor(*ports, layout=ONE_PAGE, rule=BillingRule()).process([record(0, 1, event, 0)])
    return store.counters.usage(CALLED, OCTOBER)
