"""One run of `usage-meter redrive`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import msgspec
import typer
from rich.console import Console
from rich.status import Status

from adapters.s3.error_prefix import S3ErrorObjects
from adapters.s3.lake_writer import LakeWriter
from cli.common.bootstrap import target
from cli.common.errors import PROBLEM
from cli.common.output import Output
from cli.common.terminal import is_live
from reconciliation.redrive import Redriven, redrive
from reconciliation.report.verdict import counted


def run(stack: str, out: Output, *, dry_run: bool) -> None:
    """Redrive, and report what was done.

    Raises:
        MeterError, ClientError, BotoCoreError: storage failed. What was done holds.
        typer.Exit: with 1, if something cannot be read.
    """
    screen = out.screen()
    redriven = _redriven(stack, screen, dry_run=dry_run)
    out.write(msgspec.to_builtins(redriven))
    _show(screen, redriven)
    if redriven.unreadable:
        raise typer.Exit(PROBLEM)


def _redriven(stack: str, screen: Console, *, dry_run: bool) -> Redriven:
    where = target(stack)
    deployment = where.deployment
    bucket, database, table = deployment.values("LakeBucketName", "LakeDatabaseName", "LakeTableName")
    s3 = where.client("s3")
    lake = LakeWriter.from_glue(s3, where.client("glue"), database, table)
    status = Status("Reading the error prefix", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()
    with shown:
        return redrive(
            S3ErrorObjects(s3, bucket),
            lake,
            deployment.rule,
            personal=deployment.personal,
            dry_run=dry_run,
            on_object=status.update,
        )


def _show(screen: Console, redriven: Redriven) -> None:
    would = "would be " if redriven.dry_run else ""
    screen.print(
        f"{counted(redriven.objects, 'error object')} read; {counted(redriven.records, 'record')} with "
        f"{counted(redriven.rows, 'row')} "
        f"{would}brought into the lake; {redriven.unreadable:,} cannot be read and remain",
        soft_wrap=True,
    )
    for one in redriven.explained:
        screen.print(f"  {one.object}, document {one.number}: {one.reason}", markup=False, soft_wrap=True)
