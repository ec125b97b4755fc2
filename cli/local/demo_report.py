"""The demo's report at its end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cli.common.terminal import Text
from cli.local.this_command import this_command
from cli.month_end.proof_table import difference_lines, outcomes_table
from local_cloud.demo.result import DemoResult
from metering.outcome import Outcome
from metering.usage import Usage, total
from reconciliation.report.verdict import counted

_NEXT = (
    ("demo --chaos 1", "the same with faults: the counts do not change"),
    ("demo --lines 20k", "more of it"),
    ("local", "keep the meter running and send it lines yourself"),
)


def show_result(screen: Console, result: DemoResult) -> None:
    """Print the whole result: what was counted, both sides of the proof, and the verdict."""
    for part in (_flow(result), outcomes_table(result.proof.reports)):
        screen.print()
        screen.print(part)
    _show_faults(screen, result)
    _show_verdict(screen, result)


def _flow(result: DemoResult) -> Table:
    fresh, proof = result.freshness, result.proof
    flow = Table.grid(padding=(0, 2, 0, 0))
    flow.add_row("log events", f"{result.sent.log_events:,} in {result.seconds:.1f} s")
    flow.add_row("counted", ", ".join(f"{result.counted(outcome):,} {outcome}" for outcome in Outcome))
    flow.add_row("ignored", f"{counted(result.duplicates_ignored, 'duplicate')}")
    flow.add_row("API keys", f"{proof.keys:,}")
    flow.add_row("the lake", f"{counted(proof.lake_rows, 'row')} of {counted(proof.lake_events, 'event')}")
    flow.add_row(
        "on this machine",
        f"counted {fresh.p50 / 1000:.1f} s after its line was put (p50), {fresh.p99 / 1000:.1f} s (p99): the "
        "whole log at once, on one computer, is no measure of AWS",
    )
    return flow


def _show_faults(screen: Console, result: DemoResult) -> None:
    if result.faults:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in result.faults.items())
        screen.print(f"\n{counted(sum(result.faults.values()), 'fault')} injected: {kinds}")


def _show_verdict(screen: Console, result: DemoResult) -> None:
    counted, in_lake = _both_sides(result)
    surplus = counted - in_lake
    screen.print(f"\nfingerprint of the counters  {counted.fingerprint:>38}")
    screen.print(f"fingerprint of the lake      {in_lake.fingerprint:>38}")
    screen.print(f"difference                   {surplus.fingerprint:>38}")
    if not result.problems:
        calls = f"{counted.requests:,}"
        screen.print(
            Text(f"\nNo drift: the counters and the lake hold the same {calls} events.", "bold green")
        )
        return
    screen.print()
    for problem in result.problems:
        screen.print(Text(f"PROBLEM: {problem}", "bold red"))
    for line in difference_lines(result.differences, result.differences_found):
        screen.print(line, markup=False)


def _both_sides(result: DemoResult) -> tuple[Usage, Usage]:
    """All that the counters hold and all that the lake holds, less what cannot be decoded: it has no rows."""
    tallies = [report.tally.total for report in result.proof.reports]
    return total(both.counted for both in tallies), total(both.in_lake for both in tallies)


def show_next(screen: Console) -> None:
    """Print what to try now."""
    screen.print("\nNext:")
    for arguments, purpose in _NEXT:
        screen.print(f"  {this_command()} {arguments:20}# {purpose}", soft_wrap=True)
    own = f"{this_command()} demo --access-log FILE"
    screen.print(f"With your own access log, plain or gzip, in place of FILE: {own}", soft_wrap=True)
