"""A world that counts what each log group brought: by the write that the function makes with its progress.

The write is the shipped one (:class:`adapters.dynamodb.progress.DynamoDBProgress`), on an item in memory. It
is struck like all others: its answer is lost, it lands late, its process is gone before or after it, it is
refused because another attempt was first. Whenever somebody reads, a shard has brought exactly what its
records until its progress bring: more would hide a loss, and less would be an alarm without a reason.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, cast

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, UpdateAnswer, UpdateRequest
from adapters.dynamodb.layout import ARRIVED_PREFIX, decode_position, encode_position
from adapters.dynamodb.progress import DynamoDBProgress
from metering.billing_rule import BillingRule
from metering.counters.ledger_layout import LayoutSource
from metering.counters.ports import Arrivals, Progress, Status
from simulation.protocol.invocation import BatchProcessor, InvocationEnvironment
from simulation.protocol.meter import Clock, Meter
from simulation.protocol.store import SimulatedCounters, SimulatedLedger, SimulatedProgress, SimulatedStore
from simulation.protocol.stream import SimulatedShard
from simulation.protocol.world import World
from stream_processor.processor import Processor

_RULE: Final = BillingRule()


class ArrivalsInMemory(SimulatedProgress):
    """The progress of the shards, with what each log group brought."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, Counter[str]] = {}
        self.refused = 0
        """Writes that came after another one."""

    def update(self, request: UpdateRequest) -> UpdateAnswer:
        """Do what DynamoDB does with a request of :class:`DynamoDBProgress`."""
        shard, values = request["Key"]["sk"]["S"], request["ExpressionAttributeValues"]
        found = self.items.get(shard)
        if found is not None and found.position >= decode_position(values[":first"]["B"]):
            self.refused += 1
            return UpdateAnswer(Status.REFUSED, {"position": {"B": encode_position(found.position)}})
        position = decode_position(values[":position"]["B"])
        self.items[shard] = Progress(shard, position, int(values[":arrived_at"]["N"]))
        self.events.setdefault(shard, Counter()).update(_added(request["ExpressionAttributeNames"], values))
        return UpdateAnswer(Status.WRITTEN, {})


def _added(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, int]:
    return {
        attribute.removeprefix(ARRIVED_PREFIX): int(values[f":{name[1:]}"]["N"])
        for name, attribute in names.items()
        if attribute.startswith(ARRIVED_PREFIX)
    }


class StruckUpdates:
    """The updates of a process, behind the faults of its invocation."""

    def __init__(
        self, environment: InvocationEnvironment, write: Callable[[UpdateRequest], UpdateAnswer]
    ) -> None:
        self._environment = environment
        self._write = write

    def run(self, requests: Sequence[UpdateRequest]) -> Sequence[UpdateAnswer]:
        """Each on its own."""
        unavailable = UpdateAnswer(Status.UNAVAILABLE, {})
        return self._environment.invocation.perform(requests, self._write, unavailable)


@dataclass(frozen=True, slots=True)
class ArrivalMeter:
    """The part of a meter that counts what log groups bring."""

    name: str = "shipped"
    breaks: str = "nothing"
    log: type[DynamoDBProgress] = DynamoDBProgress


SHIPPED_ARRIVALS: Final = ArrivalMeter()


class _OncePerAttempt(DynamoDBProgress):
    """Takes what is refused for records that nobody has counted."""

    def note_arrivals(self, progress: Progress, arrivals: Sequence[Arrivals]) -> bool:
        """Add them behind whatever is there."""
        behind = [one._replace(position=progress.position) for one in arrivals]
        return super().note_arrivals(progress, behind)


class _Hopeful(DynamoDBProgress):
    """Goes on though it is not known whether the write was made."""

    def note_arrivals(self, progress: Progress, arrivals: Sequence[Arrivals]) -> bool:
        """Add them once, whatever becomes of it."""
        super().note_arrivals(progress, arrivals)
        return True


BROKEN_ARRIVALS: Final = (
    ArrivalMeter("arrivals-by-attempt", "records of an earlier attempt are added once more", _OncePerAttempt),
    ArrivalMeter("arrivals-unanswered", "what was not answered is not added again", _Hopeful),
)
"""Each is caught within a thousand seeds, by `tests/simulation/protocol/test_world_of_arrivals.py`."""

ARRIVAL_METERS = {meter.name: meter for meter in (SHIPPED_ARRIVALS, *BROKEN_ARRIVALS)}


class ArrivalWorld(World):
    """The base world, with the count of what arrives."""

    def __init__(self, seed: int, meter: ArrivalMeter = SHIPPED_ARRIVALS, **options: Any) -> None:
        self.brought = ArrivalsInMemory()
        self._log = meter.log
        self._brought_by: dict[str, list[tuple[int, Counter[str]]]] = {}
        """What the records of a shard bring until each of them."""
        super().__init__(seed, Meter(store=self._store_of, processor=self._processor), **options)

    def _chance(self, seed: int) -> random.Random:
        return random.Random(f"arrivals {seed}")

    def _store_of(self, clock: Clock) -> SimulatedStore:
        return SimulatedStore(SimulatedLedger(clock), SimulatedCounters(), self.brought)

    def _processor(self, environment: InvocationEnvironment, layout: LayoutSource) -> BatchProcessor:
        updates = cast("ConditionalUpdates", StruckUpdates(environment, self.brought.update))
        log = self._log("counters", updates)
        ports = (environment, environment, environment, environment)
        return Processor(*ports, layout=layout, rule=_RULE, read=environment.read, arrivals=log)

    def _read_completeness(self) -> None:
        """Whoever reads how far everything is counted reads what arrived, too."""
        super()._read_completeness()
        self._compare_arrivals()

    def _compare_arrivals(self) -> None:
        for shard in self._stream.shards:
            noted = self.brought.items.get(shard.id)
            until = -1 if noted is None else noted.position
            brought, expected = self.brought.events.get(shard.id, Counter()), self._brings(shard, until)
            if brought != expected:
                self.result.untrue.append(f"{shard.id} brought {brought}, and its records {expected}")

    def _brings(self, shard: SimulatedShard, until: int) -> Counter[str]:
        """What the records of a shard bring, up to a position."""
        brings = self._brought_by.setdefault(shard.id, [])
        for record in shard.records[len(brings) :]:
            before = brings[-1][1] if brings else Counter[str]()
            brings.append((record.sequence_number, before + Counter(self._readings(record, _RULE).arrived)))
        found = bisect_right(brings, until, key=itemgetter(0))
        return brings[found - 1][1] if found else Counter()
