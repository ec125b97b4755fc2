"""One run of `usage-meter lines`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import typer

from cli.common.bootstrap import session
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.log_lines.lines_view import document, show
from cli.log_lines.log_group import recent_lines
from cli.log_lines.sample_file import lines_in, read_bytes
from metering.billing_rule import BillingRule
from metering.calls.line_sample import Counts, groups_of


def run(file: str | None, log_group: str | None, rule: BillingRule, *, limit: int, out: Output) -> None:
    """Read the sample and say what becomes of it.

    Raises:
        CommandError: there is nothing to read.
        typer.Exit: with 1, if some lines are not counted.
    """
    now = datetime.now(UTC)
    if log_group is not None:
        source, lines = log_group, recent_lines(session().client("logs"), log_group, now, limit)
    else:
        source, lines = file or "-", lines_in(read_bytes(file or "-"))
    groups = groups_of(islice(lines, limit), rule, int(now.timestamp() * 1000))
    if not groups:
        raise CommandError(f"There are no lines in {source}: give a file or a log group that has some.")
    out.write(document(source, groups))
    show(out.picture(), source, groups)
    if any(group.kind.counts is not Counts.FULLY for group in groups):
        raise typer.Exit(PROBLEM)
