"""What a minute costs at list prices, by what was requested in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from metering.cost.price_list import PriceList, read_price_list
from metering.strict_yaml import load_yaml
from simulation.soak.metrics import MINUTE

PRICE_LIST: Final = Path(__file__).resolve().parents[2] / "cli" / "cost" / "prices" / "us-east-1.yaml"

_FIREHOSE_RECORD_BYTES: Final = 5 * 1024
"""Firehose rounds each record up to it; so many bytes no delivery of a soak has."""


class BilledUnits(NamedTuple):
    """What is billed, since the start; shards are those of the minute."""

    write_units: int = 0
    """Writes that DynamoDB got, one unit each: counters stay below the 1 KB of a unit, pages of the ledger
    pass it as they fill.
    """
    lambda_runs: float = 0
    shard_minutes: int = 0
    records: int = 0
    """Records of the stream."""
    s3_writes: int = 0


class Cost:
    """Prices one minute after the other."""

    def __init__(self, prices: PriceList | None = None) -> None:
        self._prices = prices or read_price_list(load_yaml(PRICE_LIST.read_text()).value)
        self._before = BilledUnits()

    def of_minute(self, units: BilledUnits) -> float:
        """What came since the minute before, in USD; the time that functions run is left out, which is this
        machine's.
        """
        before, self._before = self._before, units
        records = units.records - before.records
        amounts = {
            "write_units": units.write_units - before.write_units,
            "lambda_runs": units.lambda_runs - before.lambda_runs,
            "shard_hours": units.shard_minutes / MINUTE,
            "put_units": records,
            "firehose_bytes": records * _FIREHOSE_RECORD_BYTES,
            "conversion_bytes": records * _FIREHOSE_RECORD_BYTES,
            "s3_writes": units.s3_writes - before.s3_writes,
        }
        return float(sum(self._prices.amount(name, count) for name, count in amounts.items()))
