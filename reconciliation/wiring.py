"""What reconciliation reads and writes on a deployment: put together here for the Lambda function, the
commands, the demo and the benchmarks alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import uuid4

from botocore.config import Config

from adapters.access_log_search import AccessLogSearch
from adapters.athena import Athena, Patience
from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.chain_head import DynamoDBChainHead
from adapters.dynamodb.completeness import CompletenessBook, CompletenessReader
from adapters.dynamodb.counter_reader import SEGMENTS, CounterReader
from adapters.dynamodb.repairs import DynamoDBRepairs
from adapters.dynamodb.source import SourceBook
from adapters.firehose import FirehoseFreshness
from adapters.kinesis import KinesisStream
from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.bucket import Bucket
from adapters.s3.error_prefix import S3ErrorObjects
from adapters.s3.invoices import S3Invoices, S3NumberRegister
from adapters.s3.lake import S3LakeObjects
from adapters.s3.month_states import S3Closings
from adapters.s3.recoveries import S3Recoveries
from adapters.s3.reports import S3Reports
from adapters.settings.functions import ReconciliationSettings
from adapters.source.log_insights import InsightsWitness
from adapters.source.usage_plans import UsagePlanWitness
from metering.bucket_layout import LAKE
from metering.counters.counter import UnreadableCounter
from metering.period import Period
from reconciliation.archive.archiver import ArchiveStores
from reconciliation.attribution.budget import Budget
from reconciliation.billing_chain import BillingChain
from reconciliation.breakdown import BreakdownPublisher
from reconciliation.invoices.numbering import Numbering
from reconciliation.lake.error_memory import ErrorMemory
from reconciliation.lake.month_readiness import readiness_of
from reconciliation.ports import Witness
from reconciliation.reconcile import Sources
from reconciliation.recovery.recoverer import Recoverer
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.repairer import CONCURRENCY, Repairer
from reconciliation.traffic import TrafficPublisher

ATTEMPTS: Final = 5
"""Of each request: reconciliation has the time to wait for a service that is busy. One that hangs is given up
within six minutes of the function's fifteen.
"""
_CONNECT_TIMEOUT_SECONDS: Final = 5
_READ_TIMEOUT_SECONDS: Final = 60

MakeClient = Callable[..., Any]
"""Makes the boto3 client of a service by its name, with a botocore `config` if one is given."""


def utc_now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def make_athena(settings: ReconciliationSettings, client: MakeClient, budget: Budget | None = None) -> Athena:
    """Queries of the lake. None of an investigation runs longer than its budget has time."""
    patience = Patience(time.sleep, time.monotonic)
    if budget is not None:
        patience = replace(patience, seconds_left=budget.seconds_left)
    config = _config(SEGMENTS)
    return Athena(
        client("athena", config=config),
        client("s3", config=config),
        patience,
        workgroup=settings.workgroup,
        database=settings.lake_database,
    )


def make_sources(
    settings: ReconciliationSettings,
    client: MakeClient,
    clock: Callable[[], datetime] = utc_now,
    budget: Budget | None = None,
) -> Sources:
    """What is read. `clock` gives the time in UTC; `budget` ends what an investigation reads of the lake and
    the log groups when its time is over.
    """
    budget = budget or Budget()
    config = _config(SEGMENTS)
    s3, dynamodb = client("s3", config=config), client("dynamodb", config=config)
    unreadable: list[UnreadableCounter] = []
    return Sources(
        make_athena(settings, client, budget),
        CounterReader(dynamodb, settings.counters_table, on_unreadable=unreadable.append),
        S3ErrorObjects(s3, settings.lake_bucket),
        AccessLogSearch(
            client("logs", config=config), settings.log_groups, settings.rule, clock, budget.is_over
        ),
        CountedPath(CompletenessReader(dynamodb, settings.counters_table)),
        FirehoseFreshness(
            client("cloudwatch", config=config), settings.delivery_stream, settings.log_groups, clock
        ),
        S3LakeObjects(s3, settings.lake_bucket),
        SourceBook(dynamodb, settings.counters_table),
        unreadable=unreadable,
        archives=DynamoDBArchives(dynamodb, settings.counters_table),
    )


def make_witnesses(settings: ReconciliationSettings, client: MakeClient) -> list[Witness]:
    """Who has counted by code that is not the meter's. Lines with names of fields of their own are not
    known to the query of the log groups.
    """
    config = _config(SEGMENTS)
    plans = UsagePlanWitness(client("apigateway", config=config), settings.look_up_plan)
    if not settings.rule.fields.is_default:
        return [plans]
    logs = client("logs", config=config)
    return [InsightsWitness(logs, settings.log_groups, time.sleep, time.monotonic), plans]


def make_reports(settings: ReconciliationSettings, client: MakeClient) -> S3Reports:
    """Where reports are published."""
    return S3Reports(client("s3", config=_config(SEGMENTS)), settings.lake_bucket)


def make_breakdowns(settings: ReconciliationSettings, client: MakeClient) -> BreakdownPublisher:
    """What publishes calls by endpoint and status."""
    store = Bucket(client("s3", config=_config(SEGMENTS)), settings.lake_bucket)
    return BreakdownPublisher(make_athena(settings, client), store)


def make_error_memory(settings: ReconciliationSettings, client: MakeClient) -> ErrorMemory:
    """What the daily run remembers of the error prefix. Commands read all of it."""
    store = S3Reports(client("s3", config=_config(SEGMENTS)), settings.lake_bucket)
    return ErrorMemory(store, lambda: utc_now().date())


def make_traffic(
    settings: ReconciliationSettings, client: MakeClient, clock: Callable[[], datetime] = utc_now
) -> TrafficPublisher:
    """What adds up the calls of all keys by hour. `clock` gives the time in UTC."""
    config = _config(SEGMENTS)
    delivered = FirehoseFreshness(
        client("cloudwatch", config=config), settings.delivery_stream, settings.log_groups, clock
    )
    store = Bucket(client("s3", config=config), settings.lake_bucket)
    return TrafficPublisher(make_athena(settings, client), store, delivered, clock)


def make_closings(settings: ReconciliationSettings, client: MakeClient) -> S3Closings:
    """Where the states of months are kept."""
    return S3Closings(client("s3", config=_config(SEGMENTS)), settings.lake_bucket)


def make_invoices(settings: ReconciliationSettings, client: MakeClient) -> S3Invoices:
    """Where issued invoices are kept."""
    return S3Invoices(client("s3", config=_config(SEGMENTS)), settings.lake_bucket)


def make_chain(settings: ReconciliationSettings, client: MakeClient, who: str = "") -> BillingChain:
    """The chain of what was billed; `who` is whoever adds to it."""
    config = _config(SEGMENTS)
    return BillingChain(
        S3BillingChain(client("s3", config=config), settings.lake_bucket),
        DynamoDBChainHead(client("dynamodb", config=config), settings.counters_table),
        utc_now,
        who,
    )


def make_numbering(settings: ReconciliationSettings, client: MakeClient) -> Numbering:
    """Which numbers of invoices were given."""
    register = S3NumberRegister(Bucket(client("s3"), settings.lake_bucket))
    return Numbering(register, lambda: utc_now().date())


def make_lake(settings: ReconciliationSettings, client: MakeClient) -> Bucket:
    """The bucket of the lake."""
    return Bucket(client("s3"), settings.lake_bucket)


def lake_location(settings: ReconciliationSettings) -> str:
    """Where the Parquet files lie."""
    return f"s3://{settings.lake_bucket}/{LAKE}"


def make_repair_sources(
    settings: ReconciliationSettings, stream_name: str, client: MakeClient, sources: Sources
) -> RepairSources:
    """What a repair reads and writes, beside the sources of the reconciliation that found a difference."""
    dynamodb = client("dynamodb", config=_config(SEGMENTS + CONCURRENCY))
    barrier = StreamBarrier(
        KinesisStream(client("kinesis", config=_config(SEGMENTS)), stream_name),
        CompletenessBook(dynamodb, settings.counters_table),
        utc_now,
        time.sleep,
    )
    return RepairSources(
        sources.queries,
        CounterReader(dynamodb, settings.counters_table),
        sources.error_prefix,
        DynamoDBRepairs(dynamodb, settings.counters_table),
        barrier,
        DynamoDBArchives(dynamodb, settings.counters_table),
    )


def make_archive_stores(
    settings: ReconciliationSettings, stream_name: str, client: MakeClient
) -> ArchiveStores:
    """What archiving reads and writes."""
    s3, config = client("s3", config=_config(SEGMENTS)), _config(SEGMENTS + CONCURRENCY)
    return ArchiveStores(
        DynamoDBArchives(client("dynamodb", config=config), settings.counters_table),
        Bucket(s3, settings.lake_bucket),
        S3Recoveries(s3, settings.lake_bucket),
        KinesisStream(client("kinesis", config=_config(SEGMENTS)), stream_name),
    )


def make_recoverer(
    settings: ReconciliationSettings,
    client: MakeClient,
    sources: Sources,
    repairer: Repairer,
    clock: Callable[[], datetime] = utc_now,
) -> Recoverer:
    """What brings calls that a path lacks into lake and counters. `clock` gives the time in UTC."""

    @cache
    def complete_through(month: Period) -> datetime:
        now = clock()
        return readiness_of(month, now, sources.counted, sources.delivered, sources.errors()).until

    notes = S3Recoveries(client("s3", config=_config(SEGMENTS)), settings.lake_bucket)
    return Recoverer(notes, repairer, complete_through, clock, lambda: f"recovery-{uuid4()}")


class CountedPath:
    """The path into the counters."""

    def __init__(self, reader: CompletenessReader) -> None:
        self._reader = reader

    def complete_through(self) -> datetime | None:
        """Whatever arrived in the stream before is counted; None: nothing is known."""
        return self._reader.read().complete_through


@cache
def _config(connections: int) -> Config:
    return Config(
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=_READ_TIMEOUT_SECONDS,
    )
