"""The estimate, against what was really written and stored for the same traffic."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from adapters.dynamodb.ledger import DynamoDBLedger
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.slices import DynamoDBSlices
from benchmarks.harness.traffic import Record, Traffic, batches, firehose_event, kinesis_event, records
from firehose_transform.transform import transform
from local_cloud.firehose.json_rows import RowReader
from local_cloud.firehose.parquet_file import parquet
from local_cloud.glue import columns_of
from local_cloud.template.document import resource
from metering.billing_rule import BillingRule
from metering.cost.units import units
from metering.cost.workload import SECONDS_OF_MONTH, Workload
from metering.counters.ledger_layout import LedgerLayout
from stream_processor.kinesis_event import read_event
from stream_processor.processor import Processor
from tests.tables import create_tables

LINE_BYTES = 510
"""Of the traffic's lines."""
WITHIN = 0.2
RULE = BillingRule("429,5xx")


@dataclass
class Measured:
    """What DynamoDB Local said that the writes consumed."""

    calls: int = 0
    counters: list[float] = field(default_factory=list)
    ledger: list[float] = field(default_factory=list)

    def per_call(self) -> float:
        """Write units of a call."""
        return (sum(self.counters) + sum(self.ledger)) / self.calls


def processed(traffic: Traffic, window: int, lanes: int, address: str) -> Measured:
    """Run the shipped processor over the traffic, on tables of its own."""
    tables = create_tables(address)
    dynamodb = client(8, **tables.where)
    found = Measured()
    to_counters = ConditionalUpdates(dynamodb, 8, on_units=found.counters.append)
    to_ledger = ConditionalUpdates(dynamodb, 8, on_units=found.ledger.append)
    processor = Processor(
        DynamoDBLedger(tables.ledger, to_ledger, clock=lambda: datetime.now(UTC)),
        DynamoDBSlices(tables.counters, to_counters),
        DynamoDBCounters(tables.counters, to_counters),
        DynamoDBProgress(tables.counters, to_counters),
        layout=LedgerLayout(lanes=lanes),
        rule=RULE,
    )
    for batch in batches(traffic, window):
        report = processor.process(read_event(kinesis_event(batch)))
        assert report.failed_from is None
        found.calls += report.log_events
    return found


def workload(traffic: Traffic, window: int, lanes: int | None = None) -> Workload:
    """The same traffic, a month long. How many lines come in a delivery is the traffic's own."""
    found = records(traffic)
    return Workload(
        traffic.rate * SECONDS_OF_MONTH,
        traffic.keys,
        window_seconds=window,
        line_bytes=LINE_BYTES,
        peak=1,
        shards=traffic.shards,
        lanes=lanes,
        calls_per_delivery=lines_in(found) / len(found),
    )


def lines_in(found: tuple[Record, ...]) -> int:
    return sum(record.lines for record in found)


class TestWriteUnits:
    @pytest.mark.parametrize(
        ("traffic", "window", "lanes"),
        [
            pytest.param(Traffic(rate=10, keys=40, seconds=30), 5, 1, marks=pytest.mark.exhaustive),
            pytest.param(Traffic(rate=400, keys=300, seconds=10), 5, 1, marks=pytest.mark.exhaustive),
            (Traffic(rate=600, keys=100, seconds=8, lines=100, shards=2), 2, 2),
        ],
        ids=["sparse", "one shard", "two shards"],
    )
    def test_dynamodb_local(self, traffic: Traffic, window: int, lanes: int, dynamodb_local: str) -> None:
        """Write units of a call, within 20 % of what DynamoDB Local says that the processor consumed."""
        estimated = units(workload(traffic, window, lanes))
        measured = processed(traffic, window, lanes, dynamodb_local)
        per_call = estimated.write_units / (traffic.rate * SECONDS_OF_MONTH)
        assert per_call == pytest.approx(measured.per_call(), rel=WITHIN)


class TestBytes:
    @pytest.mark.parametrize(("rate", "lines"), [(1, 500), (10, 500), (100, 500), (2000, 500), (2000, 40)])
    def test_stream(self, rate: int, lines: int) -> None:
        """Bytes of a call in the stream, within 20 % of those of the traffic's deliveries."""
        traffic = Traffic(rate=rate, keys=200, seconds=40 if rate < 100 else 4, lines=lines)
        found = records(traffic)
        measured = sum(len(record.data) for record in found) / lines_in(found)
        estimated = workload(traffic, 5)
        per_call = estimated.delivery_bytes / estimated.lines_per_delivery
        assert per_call == pytest.approx(measured, rel=WITHIN)

    def test_lake(self) -> None:
        """Bytes of a call in the lake, within 20 % of those of a file that was made of the traffic."""
        found = records(Traffic(rate=2000, keys=200, seconds=4))
        columns = columns_of(resource("LakeTable")["TableInput"])
        reader = RowReader(columns)
        rows = [
            row
            for record in found
            for answer in transform(firehose_event([record]), RULE)[0]["records"]
            for row in reader.read(base64.b64decode(answer["data"]))
        ]
        per_call = len(parquet(rows, reader.columns)) / lines_in(found)
        estimated = units(workload(Traffic(rate=2000, keys=200), 5))
        assert estimated.lake_bytes / (2000 * SECONDS_OF_MONTH) == pytest.approx(per_call, rel=WITHIN)
