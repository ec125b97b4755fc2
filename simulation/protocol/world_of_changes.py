"""A world in which much changes: settings, layouts, mappings, the age of lines, and what is in them.

It has a source of chance of its own, so that the seeds of :mod:`simulation.protocol.world` do what they did.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from metering.billing_rule import BillingRule
from metering.counters.ledger_layout import (
    LayoutAnswer,
    LayoutHistory,
    LayoutSource,
    LayoutStore,
    LedgerLayout,
)
from metering.counters.ports import DAY_SECONDS, LEDGER_TTL_SECONDS, Append, Status
from simulation.protocol.faults import Fault
from simulation.protocol.invocation import InvocationEnvironment
from simulation.protocol.mapping import Reader
from simulation.protocol.meter import Clock, Meter
from simulation.protocol.settings import (
    DAY_MS,
    MINUTE_MS,
    RETENTION_MS,
    WorldSettings,
    draw_settings,
)
from simulation.protocol.store import (
    Counted,
    CounterId,
    SimulatedCounters,
    SimulatedLedger,
    SimulatedProgress,
    SimulatedStore,
    Store,
)
from simulation.protocol.stream import SimulatedShard
from simulation.protocol.traffic import Planned, SimulatedTraffic, Truth, access_log_line
from simulation.protocol.world import World
from stream_processor.layout_book import LayoutBook
from stream_processor.processor import Processor

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
RULES: Final = (BillingRule(), BillingRule("404"))
_HOSTILE: Final = (
    'x","apiKeyId":"victim',
    'x","status":"429","extendedRequestId":"forged',
    'x","requestTimeEpoch":"1","responseLength":"9999999',
    'x","extendedRequestId":"-","apiKeyId":"-',
)
"""What a caller may write into a text that API Gateway does not escape. The exported formats put it first."""


class Disturbance(StrEnum):
    """The kinds, by the name under which they are counted."""

    OLD_LINES = "delivery of lines that are days old"
    LAYOUT = "ledger layout changed"
    SECOND_MAPPING = "batch of a second mapping"
    RULE = "process with another billing rule"
    HOSTILE = "line with a caller's fields in it"


class LayoutsInMemory:
    """The port `LayoutStore`."""

    def __init__(self) -> None:
        self.history: LayoutHistory | None = None

    def begin(self, first: LedgerLayout) -> LayoutAnswer:
        """The history, which begins with this layout where there is none."""
        self.history = self.history or first.known()
        return LayoutAnswer(Status.WRITTEN, self.history)

    def append(self, known: LayoutHistory, since_ms: int, layout: LedgerLayout) -> LayoutAnswer:
        """Append a layout, if the history is the known one."""
        if known != self.history:
            return LayoutAnswer(Status.REFUSED, self.history)
        self.history = LayoutHistory((*known.entries, (since_ms, layout)))
        return LayoutAnswer(Status.WRITTEN, self.history)


def lasting_store(clock: Clock) -> SimulatedStore:
    """A store whose claims live as long as the shipped ones."""
    ledger = SimulatedLedger(clock, ttl_seconds=LEDGER_TTL_SECONDS)
    return SimulatedStore(ledger, SimulatedCounters(), SimulatedProgress())


LayoutsOf = Callable[[LayoutStore, LedgerLayout, Callable[[], datetime]], LayoutSource]


@dataclass(frozen=True, slots=True)
class ChangingMeter:
    """The parts of a meter that meet the changes."""

    name: str = "shipped"
    breaks: str = "nothing"
    store: Callable[[Clock], Store] = lasting_store
    layouts: LayoutsOf = LayoutBook


SHIPPED_CHANGING = ChangingMeter()


class _ByRetention(SimulatedLedger):
    """Lets claims live by the stream's retention, each page by its own latest claim."""

    def _expires_at(self, append: Append, now: int) -> int:
        ttl = 2 * DAY_SECONDS
        return max(append.slot_ends_at + 2 * ttl + DAY_SECONDS, now + ttl)


def _retained_store(clock: Clock) -> SimulatedStore:
    return SimulatedStore(_ByRetention(clock), SimulatedCounters(), SimulatedProgress())


BROKEN_CHANGING = (
    ChangingMeter(
        "layout-at-once",
        "a change of the ledger's layout holds for all events at once",
        layouts=lambda _store, wanted, _clock: wanted,
    ),
    ChangingMeter("claims-by-retention", "claims live by the stream's retention", store=_retained_store),
)
"""Each is caught within a thousand seeds, by `tests/simulation/protocol/test_world_of_changes.py`."""

CHANGING_METERS = {meter.name: meter for meter in (SHIPPED_CHANGING, *BROKEN_CHANGING)}


class _OldTraffic(SimulatedTraffic):
    """Lines that reach the log group days after their calls, and lines in which callers have written."""

    def __init__(
        self,
        dice: random.Random,
        settings: WorldSettings,
        changes: Counter[StrEnum],
        wanted: set[Disturbance],
    ) -> None:
        super().__init__(dice, settings)
        self._changes = changes
        self._wanted = wanted

    def planned(self) -> list[Planned]:
        """The same records, some of them days later, each with its copies."""
        records = super().planned()
        if Disturbance.OLD_LINES not in self._wanted:
            return records
        late = self._dice.choice((2, 6, 13)) * DAY_MS
        shifts: dict[int, int] = {}
        moved = []
        for one in records:
            number = one.number if one.copy_of is None else one.copy_of
            if number not in shifts:
                shifts[number] = late * (self._dice.random() < 0.6)
                self._changes[Disturbance.OLD_LINES] += shifts[number] > 0
            moved.append(replace(one, at_ms=one.at_ms + shifts[number]))
        return sorted(moved, key=lambda one: one.at_ms)

    def _line(self, truth: Truth, own_id: str | None, own_time: int | None, status: int) -> str:
        line = access_log_line(truth, own_id, own_time, status)
        if Disturbance.HOSTILE not in self._wanted or own_id is None or self._dice.random() < 0.7:
            return line
        self._changes[Disturbance.HOSTILE] += 1
        return f'{{"userAgent":"{self._dice.choice(_HOSTILE)}",{line[1:]}'


class ChangingWorld(World):
    """The world with these changes."""

    def __init__(
        self, seed: int, meter: ChangingMeter = SHIPPED_CHANGING, *, keep_schedule: bool = False
    ) -> None:
        dice = random.Random(f"settings of changes {seed}")
        self._wanted = {one for one in Disturbance if dice.random() < 0.6}
        self._changing = meter
        self._layouts = LayoutsInMemory()
        self._second: dict[str, Reader] = {}
        drawn = _settings(dice, self._wanted)
        self._layout = drawn.layout
        fixed: dict[str, Any] = {name: getattr(drawn, name) for name in WorldSettings.__dataclass_fields__}
        super().__init__(seed, Meter(store=meter.store), keep_schedule=keep_schedule, **fixed)

    def _chance(self, seed: int) -> random.Random:
        return random.Random(f"changes {seed}")

    def _traffic(self) -> SimulatedTraffic:
        return _OldTraffic(self._dice, self._settings, self.result.injected, self._wanted)

    def _environment(self) -> InvocationEnvironment:
        """A process with the settings of its time."""
        store = self.store
        environment = InvocationEnvironment(
            store.ledger, store.slices, store.counters, store.progress, self._readings
        )
        rule = RULES[0]
        if Disturbance.RULE in self._wanted and self._dice.random() < 0.3:
            self.result.injected[Disturbance.RULE] += 1
            rule = RULES[1]
        layouts = self._changing.layouts(self._layouts, self._layout, self._time)
        environment.processor = Processor(*(environment,) * 4, layout=layouts, rule=rule, read=self._readings)
        return environment

    def _time(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self._now)

    def _change_something(self) -> None:
        super()._change_something()
        if Disturbance.LAYOUT in self._wanted and not self._is_calm and self._dice.random() < 0.02:
            self.result.injected[Disturbance.LAYOUT] += 1
            self._layout = replace(
                self._layout,
                lanes=self._dice.randint(1, 4),
                slot_ms=self._dice.choice((1000, 5000, MINUTE_MS)),
            )
            self._environments = [self._environment() for _ in self._environments]
            self._trace(f"the settings name {self._layout}")

    # --- A second mapping, with places of its own

    def _watch(self, shards: Sequence[SimulatedShard]) -> None:
        super()._watch(shards)
        if Disturbance.SECOND_MAPPING in self._wanted:
            self._second |= {one.id: Reader(one, self._policy, self._dice) for one in shards}

    def _invoke(self, reader: Reader) -> None:
        if self._second and self._dice.random() < 0.4:
            self._invoke_second()
        super()._invoke(reader)

    def _invoke_second(self) -> None:
        ready = [one for one in self._second.values() if one.has_records and self._is_second_ready(one)]
        if not ready:
            return
        second = self._dice.choice(ready)
        first, records = self._readers[second.shard.id], second.shard.records
        if records[second.position].arrived_at_ms < self._now - RETENTION_MS + MINUTE_MS:
            second.restart(first.done)  # what has expired is skipped
            second.done = max(second.done, first.done)
        if second.has_records:
            self.result.injected[Disturbance.SECOND_MAPPING] += 1
            super()._invoke(second)

    def _is_second_ready(self, reader: Reader) -> bool:
        return all(map(self._is_consumed, reader.shard.parents))

    # --- What must be counted

    def differences(self) -> list[str]:
        """As ever; where rules differ between processes, each call is billable by one of them."""
        counted = self.store.counted()
        if Disturbance.RULE in self._wanted:
            counted = {place: self._with_billable(place, found) for place, found in counted.items()}
        return list(self._oracle.differences(counted))

    def _with_billable(self, place: CounterId, found: Counted) -> Counted:
        expected = self._oracle.expected(*place).totals
        if not 0 <= found.totals.billable <= found.totals.requests:
            return found
        return found._replace(totals=msgspec.structs.replace(found.totals, billable=expected.billable))


def _settings(dice: random.Random, wanted: set[Disturbance]) -> WorldSettings:
    settings = draw_settings(dice)
    late = {Fault.EXPIRED: 0.5, Fault.COPY_IN_HOURS: dice.choice((0.1, 0.3))}
    if Disturbance.OLD_LINES in wanted:
        late |= {Fault.RECUT_COPY: 0.0, Fault.AGGREGATE: 0.0, Fault.BARE_LINE: 0.0, Fault.UNDECODABLE: 0.0}
    rates: Mapping[Fault, float] = {**settings.rates, **late}
    span_ms = dice.choice((2 * DAY_MS, 14 * DAY_MS)) if Disturbance.LAYOUT in wanted else settings.span_ms
    return replace(settings, span_ms=span_ms, events=min(settings.events, 60), rates=rates)
