"""One run of `usage-meter explain`."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import typer
from rich.console import Console
from rich.status import Status

from adapters.dynamodb.archive_reader import ArchivedSlices
from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.key_audit import KeyReader, Slice, positions_of
from adapters.s3.bucket import Bucket
from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.terminal import is_live
from cli.explain.explanation import Explained, document
from cli.explain.lake import LakeAnswer, ask_lake
from cli.explain.view import draw_explained
from cli.look_up import usage_source
from cli.look_up.usage_output import print_parts
from metering.errors import QueryFailed
from metering.period import Period, is_day, month_of
from metering.proof.archive import StoredSlice, not_in_table
from metering.usage import total
from reconciliation.wiring import make_athena
from usage_api.queries import current_month

LAKE_LATE_SECONDS = 3600
"""As the template's LakeAlarmSeconds, where a stack does not say it."""


def run(stack: str, key: str, period: Period | None, *, with_lake: bool, out: Output) -> None:
    """Show everything about a key.

    Raises:
        CommandError: Athena refused the query.
        MeterError, ClientError, BotoCoreError: something could not be read.
        typer.Exit: with 1, if calls of the key are denied now, or the counter and the lake differ.
    """
    screen, where = out.screen(), target(stack)
    period = period or current_month(usage_source.utc_now())
    found = _found(where, screen, key, period, with_lake=with_lake)
    out.write(document(found))
    print_parts(out.picture(), draw_explained(found))
    if found.is_problem:
        raise typer.Exit(PROBLEM)


def _found(where: Target, screen: Console, key: str, period: Period, *, with_lake: bool) -> Explained:
    """The plan first, with how complete the counters are; then the counters, then the lake: what the counter
    holds and the lake lacks is on its way to the lake.
    """
    settings, dynamodb = usage_source.settings_of(where.deployment), where.client("dynamodb")
    quota = usage_source.look_ups_on(settings, dynamodb).quota(key)
    reader = KeyReader(dynamodb, settings.counters_table)
    slices, alerts = _slices(where, reader, key, period), reader.alerts(key, period)
    repairs = reader.repairs(key, period)
    lake = _of_lake(where, screen, key, period) if with_lake else None
    late = timedelta(seconds=float(where.deployment.parameters.get("LakeAlarmSeconds", LAKE_LATE_SECONDS)))
    return Explained(key, period, quota, slices, alerts, lake, late, repairs)


def _slices(where: Target, reader: KeyReader, key: str, period: Period) -> list[Slice]:
    """The slices of a counter, those too that lie in the archive of its month."""
    if not is_day(period):
        return reader.slices(key, period)
    settings = where.deployment.reconciliation
    marks = DynamoDBArchives(where.client("dynamodb"), settings.counters_table)
    archived = ArchivedSlices(marks, lambda: Bucket(where.client("s3"), settings.lake_bucket))
    found, rows = archived.with_table(key, [month_of(period)], lambda: reader.slices(key, period))
    of_day = [one for one in rows if one.row.counter.period == period]
    held = total(one.counter.usage for one in found)
    return [*found, *map(_archived, not_in_table(held, of_day))]


def _archived(row: StoredSlice) -> Slice:
    return Slice(row.number, row.counter, positions_of(row.watermarks))


def _of_lake(where: Target, screen: Console, key: str, period: Period) -> LakeAnswer:
    athena = make_athena(where.deployment.reconciliation, where.client)
    status: AbstractContextManager[object] = (
        Status(f"Querying the lake for {period}", console=screen) if is_live(screen) else nullcontext()
    )
    try:
        with status:
            return ask_lake(athena, key, period, str(uuid.uuid4()))
    except QueryFailed as error:
        raise CommandError(f"{error}. --no-lake leaves the lake out.", PROBLEM) from error
