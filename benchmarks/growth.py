"""How costs grow with calls, keys, shards and window: measured where this machine can, computed beyond.

Measured on DynamoDB Local: write units, and processor time of the stream processor, boto3's part in it left
out as it is in the function. Computed by the arithmetic of `usage-meter estimate`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from benchmarks.harness.consumer import WriteUnits, processor
from benchmarks.harness.traffic import Traffic, batches, kinesis_event
from metering.cost.units import units
from metering.cost.workload import SECONDS_OF_MONTH, Workload
from metering.counters.ledger_layout import LedgerLayout
from stream_processor.kinesis_event import read_event
from tests.dynamodb_local import running
from tests.tables import create_tables

MOST_CALLS: Final = 30_000
"""Of one point."""
LEAST_BATCHES: Final = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is measured or computed."""

    rate: float = 1_000
    """Calls a second."""
    keys: int = 1_000
    shards: int = 1
    window: int = 5
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at a place."""

    place: Place
    units: float
    """Write units for 1,000 calls."""
    microseconds: float
    """Processor time of a call, from the event to the last answer of DynamoDB."""

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        return {**asdict(self.place), "units": self.units, "microseconds": self.microseconds}


AXES: Final[Mapping[str, tuple[Place, ...]]] = {
    "rate": tuple(Place(rate=rate) for rate in (1, 10, 100, 1_000, 10_000)),
    "keys": tuple(Place(keys=keys) for keys in (1, 10, 100, 1_000, 10_000)),
    "shards": tuple(Place(shards=shards) for shards in (1, 2, 4, 8)),
    "window": tuple(Place(rate=100, window=window) for window in (1, 5, 15, 60)),
}
"""Which places are measured to see how costs grow with each."""


def measured() -> Iterator[Point]:
    """All places of all axes, each once."""
    places = dict.fromkeys(place for places in AXES.values() for place in places)
    with running() as endpoint:
        for place in places:
            yield _measured(endpoint, place)


def point(document: Mapping[str, Any]) -> Point:
    """What :meth:`Point.as_json` wrote."""
    fields = dict(document)
    found, microseconds = fields.pop("units"), fields.pop("microseconds")
    return Point(Place(**fields), found, microseconds)


def computed(place: Place) -> float:
    """Write units for 1,000 calls, as `usage-meter estimate` reckons them."""
    return units(workload(place)).write_units / (place.rate * SECONDS_OF_MONTH) * 1000


def workload(place: Place) -> Workload:
    """A month of the traffic of a place, at an even rate."""
    return Workload(
        round(place.rate * SECONDS_OF_MONTH),
        place.keys,
        window_seconds=place.window,
        peak=1.0,
        shards=place.shards,
        calls_per_delivery=min(500.0, max(1.0, place.rate / place.shards)),
    )


def _measured(endpoint: str, place: Place) -> Point:
    seconds = max(LEAST_BATCHES * place.window, 60)
    seconds = max(2 * place.window, min(seconds, int(MOST_CALLS / place.rate)))
    traffic = Traffic(rate=int(place.rate), keys=place.keys, seconds=seconds, shards=place.shards)
    spent = WriteUnits()
    layout = LedgerLayout(slot_ms=5_000, lanes=max(1, int(place.rate / 2_500)))
    consumer = processor(create_tables(endpoint), spent, layout)
    events = [kinesis_event(batch) for batch in batches(traffic, place.window)]
    begun = time.process_time()
    for event in events:
        consumer.process(read_event(event))
    taken = time.process_time() - begun
    calls = traffic.rate * traffic.seconds
    return Point(replace(place), sum(spent.spent().values()) / calls * 1000, taken / calls * 1e6)
