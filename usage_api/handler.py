"""The Lambda function: what comes from outside is put together here, and only here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from adapters.dynamodb.archive_reader import ArchivedSlices, CountersWithArchives
from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.completeness import CompletenessReader
from adapters.dynamodb.counter_reader import CounterReader
from adapters.dynamodb.link_key import LinkKeyBook
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.source import SourceBook
from adapters.dynamodb.table import quick_client
from adapters.dynamodb.top_keys import TopKeysReader
from adapters.s3.bucket import Bucket, quick_s3
from adapters.s3.invoices import S3IssuedInvoices
from adapters.s3.reports import S3Breakdowns, S3Traffic
from adapters.s3.tariffs import S3Tariffs
from adapters.settings.functions import UsageApiSettings
from adapters.telemetry import Telemetry, telemetry
from usage_api import look_up_log
from usage_api import static_files as page_files
from usage_api.app import LookUpApi
from usage_api.brand import Brand
from usage_api.completeness_cache import KeptCompleteness, KeptSourceState
from usage_api.costs import KeptTariff
from usage_api.links import LinkReader
from usage_api.queries import UsageQueries, UsageSources
from usage_api.traffic import KeptTraffic

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

    from metering.counters.breakdown import BreakdownIndex, KeyBreakdown
    from metering.counters.traffic import MonthTraffic
    from metering.period import Period
    from metering.prices.tariff import Tariff

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request that API Gateway hands over."""
    return _deployed()(event, context)


class Clocks(NamedTuple):
    """Two times."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Aware, in UTC."""
    steady: Callable[[], float] = time.monotonic
    """Seconds since any start; never set."""


class _Published:
    """The ports for tariff, breakdown, traffic and invoices, on the lake's bucket."""

    def __init__(self, bucket: str | None, s3: Callable[[], S3Client] | None) -> None:
        self._bucket = bucket
        self._s3 = s3

    def tariff(self) -> Tariff | None:
        """The tariff in force."""
        if self._lake is None:
            return None
        from metering.prices.tariff_file import read_tariff  # noqa: PLC0415 - slow, and rarely needed

        latest = S3Tariffs(self._lake).latest()
        return None if latest is None else read_tariff(latest.value)

    def index(self, month: Period) -> BreakdownIndex | None:
        """What the last run found of all keys."""
        return None if self._lake is None else S3Breakdowns(self._lake).index(month)

    def of_key(self, index: BreakdownIndex, key: str) -> KeyBreakdown | None:
        """The calls of a key."""
        return None if self._lake is None else S3Breakdowns(self._lake).of_key(index, key)

    def traffic(self, month: Period) -> MonthTraffic | None:
        """The calls of all keys in a month."""
        return None if self._lake is None else S3Traffic(self._lake).traffic(month)

    def documents(self, account: str) -> Sequence[bytes]:
        """The invoices of an account."""
        return () if self._lake is None else S3IssuedInvoices(self._lake).documents(account)

    def file(self, month: Period, place: str, name: str) -> bytes | None:
        """A file of an invoice."""
        return None if self._lake is None else S3IssuedInvoices(self._lake).file(month, place, name)

    def bucket(self) -> Bucket | None:
        """The bucket itself."""
        return self._lake

    @cached_property
    def _lake(self) -> Bucket | None:
        """The bucket; its client is made when it is first needed."""
        return None if self._bucket is None or self._s3 is None else Bucket(self._s3(), self._bucket)


def make_look_ups(
    settings: UsageApiSettings,
    dynamodb: DynamoDBClient,
    clocks: Clocks | None = None,
    s3: Callable[[], S3Client] | None = None,
) -> UsageQueries:
    """The look-ups on the table of the settings. `dynamodb` is a boto3 client, `s3` makes one when the tariff
    in force is first needed; None: there is none.
    """
    clocks, table = clocks or Clocks(), settings.counters_table
    published = _Published(settings.lake_bucket, s3)
    archives = DynamoDBArchives(dynamodb, table)
    archived = ArchivedSlices(archives, published.bucket)
    sources = UsageSources(
        CountersWithArchives(CounterReader(dynamodb, table), archived, clocks.now),
        PlanBook(table, dynamodb),
        KeptCompleteness(CompletenessReader(dynamodb, table), clocks.steady),
        TopKeysReader(dynamodb, table),
        KeptSourceState(SourceBook(dynamodb, table), clocks.steady),
        KeptTariff(published, clocks.steady),
        published,
        KeptTraffic(published, clocks.steady),
        published,
        archives,
    )
    return UsageQueries(sources, clocks.now, settings.default_plan)


def make_handler(
    settings: UsageApiSettings,
    dynamodb: DynamoDBClient,
    tools: Telemetry,
    clocks: Clocks | None = None,
    s3: Callable[[], S3Client] | None = None,
) -> Handler:
    """The function on the table of the settings; the clients are as for :func:`make_look_ups`."""
    look_ups = make_look_ups(settings, dynamodb, clocks, s3)

    def report(error: Exception) -> None:
        """Errors name tables and actions, nothing of the caller's."""
        tools.logger.error("a look-up failed", exc_info=error)

    links = LinkReader(LinkKeyBook(dynamodb, settings.counters_table), (clocks or Clocks()).now)
    page = Brand(settings.page_name, settings.page_colour, settings.page_logo).applied(page_files.load())
    api = LookUpApi(look_ups, page, report, settings.frame_ancestors, links)

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        answer = api.answer(event, context)
        if seen := look_up_log.entry(event, answer["statusCode"], settings.digest_key):
            tools.logger.info("look-up", extra=seen)
        tools.count({"LookUps": 1, "LookUpFailures": int(answer["statusCode"] >= 500)})
        return answer

    return cast("Handler", handle)


@cache
def _deployed() -> Handler:
    settings = UsageApiSettings.from_environment()
    return make_handler(settings, quick_client(), telemetry(), s3=quick_s3)
