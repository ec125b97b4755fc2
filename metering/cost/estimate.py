"""Everything about one workload: sizes, units, money, and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from metering.cost.bill import BillLine, api_gateway, bill, http_api, log_ingestion, total
from metering.cost.price_list import PriceList
from metering.cost.sizing import Sizing, sizing
from metering.cost.units import Units, units
from metering.cost.workload import Workload
from metering.counters.slices import SHARDS_OF_A_SLICE

METERS: Final = tuple(1 << power for power in range(9))
"""Numbers of meters that are tried."""

TABLE_UNITS: Final = 40_000
ACCOUNT_CONCURRENCY: Final = 1_000
"""What AWS grants without being asked: write units a second of a table, invocations at a time of an account.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_WORTH_IT: Final = 0.8
_ROOM: Final = 2.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A workload, shared by `meters` meters of one size. Sizing and units are those of one of them."""

    workload: Workload
    meters: int
    sizing: Sizing
    units: Units
    lines: list[BillLine]
    api_gateway: Decimal
    """What API Gateway asks for the same calls of a REST API."""
    http_api: Decimal
    """And of an HTTP API."""

    @property
    def total(self) -> Decimal:
        """The month's price of all meters."""
        return total(self.lines)

    @property
    def total_without_log(self) -> Decimal:
        """What the meter adds to the access log, which costs the same without it."""
        return self.total - log_ingestion(self.lines)


def estimate(workload: Workload, prices: PriceList, meters: int = 1) -> Estimate:
    """The estimate for a number of meters, each with its part of the traffic.

    Raises:
        Misconfigured: a price is missing.
    """
    part = workload.part(meters)
    found = units(part)
    return Estimate(
        workload,
        meters,
        sizing(part),
        found,
        bill(part, found, prices, meters),
        api_gateway(workload, prices),
        http_api(workload, prices),
    )


def cheapest(workload: Workload, prices: PriceList) -> Estimate:
    """The number of meters that costs least."""
    return min((estimate(workload, prices, meters) for meters in METERS), key=lambda one: one.total)


def advice(found: Estimate, prices: PriceList) -> Iterator[str]:
    """What comes to its limit, and the setting that moves it."""
    size = found.sizing
    better = cheapest(found.workload, prices)
    if better.total < found.total * Decimal(_WORTH_IT):
        yield (
            f"{better.meters} meters, each for a part of the log groups, would cost {better.total:,.0f} "
            f"{prices.currency} a month instead of {found.total:,.0f}: every shard of a meter appends to the "
            "same pages of its ledger."
        )
    if size.busy_share > 1:
        yield (
            f"The stream processor would need {size.busy_share:.1f} times the time between two batches: set "
            "a higher WriteConcurrency, a longer BatchingWindowSeconds or more shards."
        )
    if size.hot_page_headroom < _ROOM:
        yield (
            f"The busiest page of the ledger has {size.hot_page_headroom:.2g} times the throughput that it "
            "needs: set a shorter LedgerSlotSeconds, more LedgerLanes, or more meters."
        )
    if size.hot_key_headroom < _ROOM:
        yield (
            f"The busiest key's counter has {size.hot_key_headroom:.2g} times the throughput that it needs: "
            "set a longer BatchingWindowSeconds."
        )
    if size.lanes > 1:
        yield f"Set LedgerLanes to {size.lanes}."
    if size.shards > SHARDS_OF_A_SLICE:
        slices = -(-size.shards // SHARDS_OF_A_SLICE)
        yield f"A key's counter is spread over {slices} items; a look-up reads them all by one Query."
    yield from _quotas(size)


def _quotas(size: Sizing) -> Iterator[str]:
    if size.write_units_per_second > TABLE_UNITS:
        yield (
            f"The tables need {size.write_units_per_second:,.0f} write units a second at the peak: ask for a "
            f"quota above the {TABLE_UNITS:,} of a table, and for warm throughput."
        )
    if size.concurrency > ACCOUNT_CONCURRENCY:
        yield (
            f"Up to {size.concurrency:,} invocations run at a time: ask for a quota above the "
            f"{ACCOUNT_CONCURRENCY:,} of an account."
        )
