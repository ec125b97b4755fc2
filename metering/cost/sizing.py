"""How much of everything the busiest hour needs, and what comes to its limit first."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from metering.cost.batch import (
    appends_of,
    batch_of,
    ledger_page,
    ledger_units_per_second,
    run_seconds,
)
from metering.cost.ledger_units import units_of
from metering.cost.workload import Workload
from metering.counters.slices import SHARDS_OF_A_SLICE

SHARD_BYTES: Final = 1_000_000
SHARD_RECORDS: Final = 1_000
"""What a shard takes in a second.
https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""
PARTITION_UNITS: Final = 1_000
"""Write units a second of one item, at most.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""
ON_DEMAND_SHARDS: Final = 4
"""An on-demand stream has at least so many, however little comes.
https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
"""
TRANSFORMS_OF_A_SHARD: Final = 5
"""https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html"""

_BUSY_SHARE: Final = 0.8
_PAGE_UNITS: Final = PARTITION_UNITS / 2
_LANES: Final = tuple(1 << power for power in range(11))
_MOST_SHARDS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Sizing:
    """What the busiest hour needs."""

    calls_per_second: float
    shards: int
    lanes: int
    concurrency: int
    """Invocations at a time: a stream processor for each shard, and Firehose's transforms."""
    write_units_per_second: float
    busy_share: float
    """Of the time between two batches, how much the stream processor is busy. Above 1 it falls behind."""
    hot_key_headroom: float
    """How many times as often the busiest key's counter could be written."""
    hot_page_headroom: float
    """The same of the ledger's busiest page. Below 1 it is throttled."""


def shards_by_limits(workload: Workload) -> int:
    """The shards whose limits of bytes and records the traffic does not reach."""
    records = workload.deliveries_per_second
    return max(1, ceil(records * workload.delivery_bytes / SHARD_BYTES), ceil(records / SHARD_RECORDS))


def shards_for(workload: Workload) -> int:
    """Shards for the busiest hour: those of the limits, or more if the processor has too much to do; never
    fewer than the stream's mode has.
    """
    if workload.shards is not None:
        return workload.shards
    peak = workload.at_peak()
    shards = max(ON_DEMAND_SHARDS if workload.is_on_demand else 1, shards_by_limits(peak))
    while shards < _MOST_SHARDS and _busy_share(peak, shards) > _BUSY_SHARE:
        shards = ceil(shards * 1.25)
    return shards


def lanes_for(workload: Workload, shards: int) -> int:
    """The number of lanes that is set; or the cheapest that leaves the busiest page room at the peak."""
    if workload.lanes is not None:
        return workload.lanes
    batch = batch_of(workload, shards)
    roomy = [
        lanes for lanes in _LANES if page_units_per_second(workload.at_peak(), shards, lanes) < _PAGE_UNITS
    ]
    return min(
        roomy or _LANES[-1:], key=lambda lanes: ledger_units_per_second(workload, shards, batch, lanes).writes
    )


def page_units_per_second(workload: Workload, shards: int, lanes: int) -> float:
    """Write units of one lane's slot while it lasts."""
    page = ledger_page(workload, shards, batch_of(workload, shards), lanes)
    return units_of(page).writes / workload.slot_seconds


def sizing(workload: Workload) -> Sizing:
    """The busiest hour's needs."""
    shards = shards_for(workload)
    lanes = lanes_for(workload, shards)
    peak = workload.at_peak()
    batch = batch_of(peak, shards)
    hot_writes = 2 * min(shards, SHARDS_OF_A_SLICE) * batch.per_second
    counters = shards * batch.per_second * (batch.counter_writes + 1)
    return Sizing(
        calls_per_second=peak.rate,
        shards=shards,
        lanes=lanes,
        concurrency=shards * (1 + TRANSFORMS_OF_A_SHARD),
        write_units_per_second=counters + ledger_units_per_second(peak, shards, batch, lanes).writes,
        busy_share=_busy_share(peak, shards),
        hot_key_headroom=PARTITION_UNITS / hot_writes,
        hot_page_headroom=PARTITION_UNITS / page_units_per_second(peak, shards, lanes),
    )


def _busy_share(workload: Workload, shards: int) -> float:
    batch = batch_of(workload, shards)
    lanes = lanes_for(workload, shards)
    return run_seconds(workload, batch, appends_of(workload, shards, batch, lanes)) * batch.per_second
