"""Whether most lines of a log can be counted: reported before it is played, and at the end."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console

from cli.common.terminal import Text
from local_cloud.demo.result import DemoResult
from local_cloud.demo.source import AccessLog
from metering.billing_rule import BillingRule
from metering.calls.line_sample import Counts, LineGroup, SampledLine, groups_of
from metering.outcome import Outcome
from reconciliation.report.verdict import counted

SAMPLE_LINES: Final = 1000


def show_form(screen: Console, log: AccessLog, file: Path) -> None:
    """Where most of the first lines are not counted, or count for nobody, say their form and what helps."""
    sample = list(map(SampledLine, islice(log.lines(), SAMPLE_LINES)))
    groups = [group for group in groups_of(sample, BillingRule(), 0) if group.kind.counts is not Counts.FULLY]
    affected = sum(group.count for group in groups)
    if 2 * affected <= len(sample):
        return
    most = max(groups, key=lambda group: group.count)
    _show(screen, f"{affected:,} of the first {counted(len(sample), 'line')}: {_what(groups)}.", file)
    screen.print(Text(f"Most are {most.kind.name}: {most.kind.meaning}."))
    screen.print(Text(f"What to do: {most.kind.mend}.\n"))


def show_malformed(screen: Console, result: DemoResult, file: Path) -> None:
    """If most log events were malformed: say so, for the proof of such a log proves little."""
    malformed = result.counted(Outcome.MALFORMED)
    if 2 * malformed > result.counted_in_all:
        _show(
            screen,
            f"\n{malformed:,} of {result.counted_in_all:,} log events are malformed: not billed.",
            file,
        )


def _show(screen: Console, what: str, file: Path) -> None:
    screen.print(Text(what, "bold red"))
    screen.print(
        Text(f"`usage-meter lines {file}` shows why, with examples, and what to do."), soft_wrap=True
    )


def _what(groups: list[LineGroup]) -> str:
    found = {group.kind.counts for group in groups}
    return " or ".join(counts.value for counts in (Counts.NOT, Counts.FOR_NOBODY) if counts in found)
