"""Worlds of one shard or two whose calls reach thresholds: of a key, or of an account of two keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from metering.calls.record import StreamRecord
from metering.period import Period
from metering.quotas.plan import Assignment, Limit, Plan, Span, holder_of
from metering.quotas.ports import KeyPlan, SharedPlan
from metering.quotas.threshold import crossing_id
from metering.usage import Metric
from simulation.exploration.small_world import NOON_MS, PERIODS, lines_of

DAY: Final = Period(PERIODS[1])
"""The day of every call, and of every limit."""
ACCOUNT: Final = "acme"
_KEYS: Final = {"s": "shop", "f": "farm"}
_EVENTS_OF_A_SHARD: Final = 10


class ThresholdShard(NamedTuple):
    """A shard: its records, each with a letter for each of its calls, which names the key."""

    number: int
    records: tuple[str, ...]

    @property
    def id(self) -> str:
        """As Kinesis names it."""
        return f"shardId-{self.number:012d}"


@dataclass(frozen=True, slots=True)
class ThresholdsWorld:
    """What is in the shards, which limit there is, and how much may go wrong."""

    shards: tuple[ThresholdShard, ...]
    amount: int = 2
    """Requests in the day."""
    thresholds: tuple[int, ...] = (100,)
    is_shared: bool = False
    """Whether the limit is that of an account to which both keys belong; else each key has it."""
    faults: int = 0
    """Writes without an answer, a refusal of EventBridge, attempts that are given up, a shard that is read
    again, five minutes that pass.
    """
    name: str = field(default="", compare=False)

    @property
    def limit(self) -> Limit:
        """The only one."""
        return Limit(Metric.REQUESTS, Span.DAY, self.amount, thresholds=self.thresholds)

    @property
    def keys(self) -> frozenset[str]:
        """The keys with calls."""
        return frozenset(_KEYS[one] for shard in self.shards for one in "".join(shard.records))

    def plan_of(self, key: str) -> KeyPlan:
        """The plan of a key."""
        if self.is_shared:
            return KeyPlan(Assignment(key, "of a key", ACCOUNT), Plan("of a key"))
        return KeyPlan(Assignment(key, "small"), Plan("small", (self.limit,)))

    def account(self) -> SharedPlan:
        """The account, with its plan and its keys."""
        plan = Plan("small", (self.limit,))
        return SharedPlan(KeyPlan(Assignment(holder_of(ACCOUNT), "small", ACCOUNT), plan), self.keys)

    def reached(self, requests: Mapping[str, int]) -> dict[str, str]:
        """The ids of the thresholds that so many requests of each key reach, each with what it is."""
        used = {ACCOUNT: sum(requests.values())} if self.is_shared else requests
        return {
            crossing_id(holder_of(name) if self.is_shared else name, self.limit, DAY, threshold): (
                f"{name} has used {threshold} % of a limit of {self.amount}"
            )
            for name, count in used.items()
            for threshold in self.thresholds
            if 100 * count >= threshold * self.amount
        }

    def stream(self) -> list[list[StreamRecord]]:
        """The records of each shard, numbered from 1."""
        return [
            [
                StreamRecord(shard.id, number, _data(place, number, calls), NOON_MS)
                for number, calls in enumerate(shard.records, 1)
            ]
            for place, shard in enumerate(self.shards)
        ]

    def __str__(self) -> str:
        shards = "; ".join(f"{shard.number}: {' '.join(shard.records)}" for shard in self.shards)
        limit = f"{self.amount} a day{' together' if self.is_shared else ''}, {self.thresholds}"
        return f"{self.name or 'thresholds'} ({shards}; {limit})"


def called(record: str) -> str:
    """The keys that a record has calls of, in words."""
    return " and ".join(_KEYS[one] for one in record)


def _data(place: int, number: int, calls: str) -> bytes:
    first = place * _EVENTS_OF_A_SHARD + 2 * number
    return lines_of((_KEYS[one], first + index, NOON_MS) for index, one in enumerate(calls))
