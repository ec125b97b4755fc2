"""The bill of a month: units times prices, by service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from metering.cost.price_list import PriceList
from metering.cost.units import Units
from metering.cost.workload import Workload

ACCESS_LOG: Final = "Access log"

ALARM_METRICS: Final = 13
ALARM_METRICS_OF_ALL: Final = 39
"""What the template's alarms watch, with essential and with full monitoring: an alarm on an expression is
billed for each metric in it. https://aws.amazon.com/cloudwatch/pricing/
"""
METRICS: Final = 1 + 2 / 24
METRICS_OF_ALL: Final = 29
"""What the functions send. Essential are the heartbeats that were counted and, in one hour of the day, two
metrics of the daily comparison; faults are metrics while they last.
"""

_EXACTLY: Final = Decimal("0.00000001")
"""More than the units are worth, and few enough digits for sums to be exact."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """What one thing costs in a month."""

    service: str
    what: str
    units: float
    unit: str
    amount: Decimal


def bill(workload: Workload, units: Units, prices: PriceList, meters: int = 1) -> list[BillLine]:
    """The lines of all services, for `meters` meters that take these units each."""
    return [
        BillLine(service, what, count * meters, unit, prices.amount(name, count * meters).quantize(_EXACTLY))
        for service, what, name, count, unit in _items(workload, units)
    ]


def total(lines: list[BillLine]) -> Decimal:
    """All of them together."""
    return sum((line.amount for line in lines), Decimal(0))


def by_service(lines: list[BillLine]) -> dict[str, Decimal]:
    """The amounts by service, in the order of the lines."""
    amounts: dict[str, Decimal] = {}
    for line in lines:
        amounts[line.service] = amounts.get(line.service, Decimal(0)) + line.amount
    return amounts


def api_gateway(workload: Workload, prices: PriceList) -> Decimal:
    """What API Gateway itself asks for the calls of a REST API."""
    return prices.amount("api_gateway_rest_calls", workload.calls_per_month)


def http_api(workload: Workload, prices: PriceList) -> Decimal:
    """What API Gateway itself asks for the calls of an HTTP API."""
    return prices.amount("api_gateway_http_calls", workload.calls_per_month)


def log_ingestion(lines: list[BillLine]) -> Decimal:
    """The part of the bill that an access log costs with or without a meter."""
    return sum((line.amount for line in lines if line.service == ACCESS_LOG), Decimal(0))


_Item = tuple[str, str, str, float, str]


def _items(workload: Workload, units: Units) -> Iterator[_Item]:
    """Service, what, name of the price, units, name of the unit."""
    yield ACCESS_LOG, "taken in", "log_bytes", units.log_bytes, "bytes"
    yield ACCESS_LOG, "stored", "log_stored_bytes", units.log_stored_bytes, "bytes"
    yield from _kinesis(units, is_on_demand=workload.is_on_demand)
    yield "Lambda", "stream processor, runs", "lambda_runs", units.batches, "runs"
    yield "Lambda", "stream processor, time", "lambda_gb_seconds", units.processor_gb_seconds, "GB s"
    yield "Lambda", "transform, runs", "lambda_runs", units.transforms, "runs"
    yield "Lambda", "transform, time", "lambda_gb_seconds", units.transform_gb_seconds, "GB s"
    yield "Lambda", "watch, runs", "lambda_runs", units.watch_runs, "runs"
    yield "Lambda", "watch, time", "lambda_gb_seconds", units.watch_gb_seconds, "GB s"
    yield "Lambda", "loading code", "lambda_gb_seconds", units.init_gb_seconds, "GB s"
    yield "DynamoDB", "counters", "write_units", units.counter_writes, "write units"
    yield "DynamoDB", "ledger", "write_units", units.ledger_writes, "write units"
    yield "DynamoDB", "ledger, full pages", "read_units", units.ledger_reads, "read units"
    yield "DynamoDB", "progress", "write_units", units.progress_writes, "write units"
    yield "DynamoDB", "stored", "table_bytes", units.table_bytes, "bytes"
    yield "DynamoDB", "point-in-time recovery", "recovery_bytes", units.table_bytes, "bytes"
    yield "Firehose", "taken in", "firehose_bytes", units.firehose_bytes, "bytes"
    yield "Firehose", "made into Parquet", "conversion_bytes", units.firehose_bytes, "bytes"
    yield "Firehose", "partitioned", "partitioned_bytes", units.lake_bytes, "bytes"
    yield "Firehose", "partitioned, files", "partitioned_files", units.lake_files, "files"
    yield "S3", "files written", "s3_writes", units.lake_files + units.list_requests, "requests"
    yield "S3", "lake stored", "s3_bytes", units.lake_stored_bytes, "bytes"
    yield "Athena", "month end, read twice", "athena_bytes", 2 * units.lake_bytes, "bytes"
    yield from _monitoring(is_full=workload.monitors_fully)
    yield "CloudWatch", "metrics read", "metric_reads", units.metric_reads, "metrics"
    yield "CloudWatch", "the meter's own log", "log_bytes", units.own_log_bytes, "bytes"
    yield "X-Ray", "traces", "traces", units.traces, "traces"
    if workload.encrypts_topics:
        yield "KMS", "key of the topics", "kms_keys", 1, "keys"


def _kinesis(units: Units, *, is_on_demand: bool) -> Iterator[_Item]:
    if is_on_demand:
        yield "Kinesis", "stream", "on_demand_stream_hours", 730, "hours"
        yield "Kinesis", "taken in", "on_demand_bytes_in", units.stream_bytes_in, "bytes"
        yield "Kinesis", "read by two", "on_demand_bytes_out", units.stream_bytes_out, "bytes"
        yield "Kinesis", "kept after a day", "on_demand_stored_bytes", units.stream_stored_bytes, "bytes"
    else:
        yield "Kinesis", "shards", "shard_hours", units.shard_hours, "hours"
        yield "Kinesis", "puts", "put_units", units.put_units, "units of 25 KB"
        yield "Kinesis", "kept after a day", "retention_shard_hours", units.retention_shard_hours, "hours"


def _monitoring(*, is_full: bool) -> Iterator[_Item]:
    alarms, metrics = (ALARM_METRICS_OF_ALL, METRICS_OF_ALL) if is_full else (ALARM_METRICS, METRICS)
    yield "CloudWatch", "metrics", "metrics", metrics, "metrics"
    yield "CloudWatch", "alarms", "alarms", alarms, "alarm metrics"
    if is_full:
        yield "CloudWatch", "dashboard", "dashboards", 1, "dashboards"
