"""One run of `usage-meter resume`."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.dynamodb.completeness import CompletenessBook
from cli.common.bootstrap import target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.question import agreed
from cli.recovery.event_source_mapping import faults_of, mappings_of


def run(stack: str, out: Output, *, yes: bool) -> None:
    """Let a restored table report again.

    Raises:
        CommandError: it was not restored, it changed meanwhile, or the event source mapping was not set back.
        typer.Abort: the answer was no. Nothing was written.
        MeterError, ClientError, BotoCoreError: something could not be read or written.
    """
    screen, where = out.screen(), target(stack)
    table = where.deployment.reconciliation.counters_table
    ledger, function, stream = where.deployment.values(
        "LedgerTableName", "StreamProcessorName", "CallStreamArn"
    )
    book = CompletenessBook(where.client("dynamodb"), table, ledger)
    known, positions = book.load()
    if not known.is_restored:
        raise CommandError(f"{table} was not restored: nothing was changed.", PROBLEM)
    through = None if known.through is None else datetime.fromtimestamp(known.through / 1000, UTC)
    until = "an unknown time" if through is None else f"{through:%Y-%m-%dT%H:%M:%SZ}"
    screen.print(f"{table} was restored. It is complete until {until}.", soft_wrap=True)
    if faults := faults_of(
        mappings_of(function, where.client("lambda").list_event_source_mappings), stream, through
    ):
        raise CommandError(f"Nothing was changed: {'; '.join(faults)}.", PROBLEM)
    screen.print("The stream is read from before that time on.")
    agreed("Let it report again?", yes=yes)
    if not book.resume(known, sorted(positions)):
        raise CommandError(f"{table} was changed meanwhile: run it again in a minute.", PROBLEM)
    out.write({"table": table, "complete_through": None if through is None else through.isoformat()})
    screen.print("It reports again when what is read from there on has been counted.", soft_wrap=True)
