"""DynamoDB write units for 1,000 calls, by DynamoDB Local's own word, at three rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.harness.consumer import WriteUnits, processor
from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.traffic import Traffic, batches, kinesis_event
from metering.counters.ledger_layout import LedgerLayout
from stream_processor.kinesis_event import read_event
from tests.dynamodb_local import running
from tests.tables import create_tables

WINDOW_SECONDS: Final = 5
ONE_TRANSACTION_PER_CALL: Final = 6_000
"""Marker, month and day in one transaction: three items, two units each."""


@dataclass(frozen=True, slots=True)
class Case:
    """A rate, the most units that it may take, and how the ledger is laid out for it."""

    name: str
    traffic: Traffic
    most: float
    layout: LedgerLayout


CASES: Final = (
    Case("10 calls/s, 40 keys", Traffic(rate=10, keys=40, seconds=240), 850, LedgerLayout()),
    Case("1,000 calls/s, 1,000 keys", Traffic(rate=1_000, keys=1_000, seconds=30), 300, LedgerLayout()),
    Case(
        "10,000 calls/s, 5,000 keys, 2 shards",
        Traffic(rate=10_000, keys=5_000, seconds=15, shards=2),
        280,
        LedgerLayout(slot_ms=1_000, lanes=4),
    ),
)
_SHORT: Final = CASES[:1]


def figures(size: Size) -> Iterator[Figure]:
    """The units at each rate."""
    with running() as endpoint:
        for case in _SHORT if size.short else CASES:
            units = measured(endpoint, case.traffic, case.layout)
            per_thousand = {
                what: spent * 1000 / (case.traffic.rate * case.traffic.seconds)
                for what, spent in units.items()
            }
            yield Figure(
                f"write units, {case.name}",
                f"DynamoDB write units for 1,000 calls: {case.name}, window {WINDOW_SECONDS} s",
                f"one transaction per call: {ONE_TRANSACTION_PER_CALL:,}",
                sum(per_thousand.values()),
                case.most,
                unit="write units",
                at_least=False,
                details=per_thousand,
            )


def measured(
    endpoint: str, traffic: Traffic, layout: LedgerLayout, window_seconds: float = WINDOW_SECONDS
) -> dict[str, float]:
    """The write units that some traffic takes, by what they are spent on."""
    units = WriteUnits()
    consumer = processor(create_tables(endpoint), units, layout)
    for batch in batches(traffic, window_seconds):
        report = consumer.process(read_event(kinesis_event(batch)))
        if report.failed_from is not None:
            raise AssertionError(f"a batch was cut short at {report.failed_from}")
    return units.spent()
