"""What `reconcile --repair` and `rebuild` share: a repairer on a deployment, questions, and what is told."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from json import loads
from pathlib import Path
from typing import Any, Final

import boto3
import msgspec
import typer
from botocore.config import Config
from rich.console import Console
from rich.status import Status
from rich.table import Table

from adapters.closings import S3Closings
from adapters.completeness import CompletenessBook
from adapters.counter_reader import SEGMENTS, CounterReader
from adapters.deployment import Deployment
from adapters.kinesis import KinesisStream
from adapters.repairs import DynamoDBRepairs
from cli.errors import PROBLEM, CommandError
from cli.output import write_json
from cli.terminal import is_live, table
from metering.correction import Correction, Fate
from metering.counter import Counter
from reconciliation.closing import NotProvenError, NotSealedError
from reconciliation.handler import make_sources
from reconciliation.job import Sources
from reconciliation.ports import OnProgress, Progress
from reconciliation.repair import (
    CONCURRENCY,
    NotRepairableError,
    Plan,
    Repaired,
    Repairer,
    RepairSources,
    Scope,
)
from reconciliation.repair_barrier import StreamBarrier
from reconciliation.report import Report

MOST_TOLD: Final = 20
"""Counters of which a line is written."""


def repairer(
    deployment: Deployment, client: Callable[..., Any], sources: Sources, on_progress: OnProgress
) -> Repairer:
    """A repairer on a deployment. `client` makes the boto3 client of a service.

    Raises:
        Misconfigured, Transient: an output of the stack is missing, or nobody knows who is asking.
    """
    settings = deployment.reconciliation
    (stream_name,) = deployment.values("CallStreamName")
    config = Config(
        max_pool_connections=SEGMENTS + CONCURRENCY, retries={"mode": "standard", "total_max_attempts": 10}
    )
    dynamodb = client("dynamodb", config=config)
    barrier = StreamBarrier(
        KinesisStream(client("kinesis"), stream_name),
        CompletenessBook(dynamodb, settings.counters_table),
        now,
        time.sleep,
    )
    return Repairer(
        RepairSources(
            S3Closings(client("s3"), settings.lake_bucket),
            sources.queries,
            CounterReader(dynamodb, settings.counters_table),
            sources.error_prefix,
            DynamoDBRepairs(dynamodb, settings.counters_table),
            barrier,
        ),
        now,
        who(client),
        on_progress,
    )


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def who(client: Callable[..., Any]) -> str:
    """Whoever has the credentials, by their name in IAM: it stands in audits and sealings."""
    return str(client("sts").get_caller_identity()["Arn"])


@contextmanager
def refusals_told() -> Iterator[None]:
    """Makes a refusal what the user is told, in place of a traceback."""
    try:
        yield
    except (NotRepairableError, NotProvenError, NotSealedError) as refusal:
        raise CommandError(f"{refusal}.", PROBLEM) from refusal


def agreed(question: str, *, yes: bool) -> None:
    """Ask before counters are written.

    Raises:
        CommandError: nobody can be asked, and nobody has agreed beforehand.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at: agree with --yes.")
    typer.confirm(question, abort=True)


def scope_of(report: Report, reason: str) -> Scope:
    """What of a report can be repaired: the keys that differ or contradict themselves, on the days that were
    compared.

    Raises:
        NotRepairableError: nothing was compared, or not all differences are held.
    """
    if report.refused or not report.is_settled:
        raise NotRepairableError(
            f"{report.month} is not complete: {'; '.join(report.missing)}. Repair it when it is"
        )
    held = len(report.differences), len(report.contradictions)
    found = report.differences_found, report.contradictions_found
    keys = {one.key for one in report.differences} | {one.key for one in report.contradictions}
    complete = datetime.max.replace(tzinfo=UTC) if report.compared_until is None else report.compared_until
    return Scope(report.month, report.run_id, reason, complete, keys if held == found else None)


def is_repaired(report: Report, stack: str, screen: Console, json: Path | None, *, yes: bool) -> bool:
    """Bring the counters that a report names to the lake's figure, after showing which and asking; whether
    nothing is left. What was done is added to the report's file. Rows of the lake are not repaired.

    Raises:
        CommandError: they cannot be repaired, or nobody agreed.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Abort: the answer was no. Nothing was written.
    """
    session = boto3.session.Session()
    deployment = Deployment.of_stack(session.client("cloudformation"), stack)
    sources = make_sources(deployment.reconciliation, session.client)
    status = Status(f"Repairing {report.month}", console=screen)

    def on_progress(progress: Progress) -> None:
        status.update(f"Repairing {report.month}: {progress.step} {progress.done:,}")

    with refusals_told():
        scope = scope_of(report, f"differs from the lake by report {report.run_id}")
        with _live(status, screen):
            prepared = repairer(deployment, session.client, sources, on_progress).prepare(scope)
            plans = list(prepared.plans())
        if plans:
            _ask(screen, plans, yes=yes)
        with _live(status, screen):
            repaired = prepared.carry_out(plans, CONCURRENCY)
    tell(screen, repaired)
    if json is not None:
        write_json(json, {**loads(json.read_bytes()), "repair": document(repaired)})
    return not repaired.left and not report.altered_rows


def _live(status: Status, screen: Console) -> AbstractContextManager[object]:
    return status if is_live(screen) else nullcontext()


def _ask(screen: Console, plans: Sequence[Plan], *, yes: bool) -> None:
    count = sum(len(plan.corrections) for plan in plans)
    screen.print()
    screen.print(plans_table(plans))
    agreed(f"Bring these {count:,} counters to the lake's figure?", yes=yes)
    screen.print("Waiting until all that is in the stream is counted ...")


def plans_table(plans: Iterable[Plan]) -> Table:
    """Before and after, for the first of the counters."""
    corrections = [one for plan in plans for one in plan.corrections]
    rows = _table("")
    for one in corrections[:MOST_TOLD]:
        rows.add_row(*_row(one))
    if len(corrections) > MOST_TOLD:
        rows.add_row(f"and {len(corrections) - MOST_TOLD:,} more")
    return rows


def _table(last: str) -> Table:
    numbers = ("requests before", "after", "billable before", "after ")
    return table("key", "period", *numbers, last, numbers=numbers)


def _row(one: Correction) -> list[str]:
    before, after = one.before.usage, one.after.usage
    others = ""
    if after.requests < before.requests:
        others = "takes calls away"
    elif (before.requests, before.billable) == (after.requests, after.billable):
        others = "other totals"
    figures = (before.requests, after.requests, before.billable, after.billable)
    return [one.key, one.period, *(f"{figure:,}" for figure in figures), others]


def tell(screen: Console, repaired: Repaired) -> None:
    """What became of the corrections."""
    screen.print(
        f"{repaired.written:,} counters brought to the lake's figure, {repaired.done_before:,} were there "
        f"already, {repaired.left:,} left alone",
        soft_wrap=True,
    )
    left = [done for done in repaired.done if done.fate in (Fate.CHANGED, Fate.UNSURE)]
    for done in left[:MOST_TOLD]:
        screen.print(f"  {done.correction.key} {done.correction.period}: {done.fate}", markup=False)


def document(repaired: Repaired) -> dict[str, Any]:
    """What was done, as JSON takes it. Fingerprints are texts: they lie above 2^53."""
    return {
        "month": repaired.month,
        "report": repaired.report,
        "keys": repaired.keys,
        "written": repaired.written,
        "done_before": repaired.done_before,
        "left": repaired.left,
        "done": [
            {
                "key": done.correction.key,
                "period": done.correction.period,
                "fate": done.fate.value,
                "before": _counter(done.correction.before),
                "after": _counter(done.correction.after),
            }
            for done in repaired.done
        ],
    }


def _counter(counter: Counter) -> dict[str, Any]:
    usage = msgspec.structs.asdict(counter.usage)
    return {**usage, "fingerprint": str(counter.usage.fingerprint), "parts": counter.parts}
