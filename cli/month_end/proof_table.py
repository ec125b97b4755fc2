"""Both sides of a reconciliation as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table

from cli.common.terminal import Text, table
from metering.outcome import Outcome
from metering.proof.drift import Difference
from metering.usage import NO_USAGE
from reconciliation.model.report import Both, Report

_MOST_DIFFERENCES = 10


def outcomes_table(reports: Iterable[Report]) -> Table:
    """The requests of both sides for each month and outcome, and the difference."""
    found = table(
        "month", "outcome", "counters", "lake", "difference", numbers=("counters", "lake", "difference")
    )
    for report in reports:
        for outcome in Outcome:
            both = report.tally.outcomes.get(outcome, Both())
            if both.counted != NO_USAGE or both.in_lake != NO_USAGE:
                found.add_row(report.month, outcome, *_requests(both))
    return found


def _requests(both: Both) -> tuple[str, str, Text]:
    counted, in_lake = both.counted.requests, both.in_lake.requests
    difference = counted - in_lake
    style = "red bold" if difference else "green"
    return f"{counted:,}", f"{in_lake:,}", Text(f"{difference:+,}" if difference else "0", style)


def difference_lines(differences: Sequence[Difference], found: int) -> Iterator[str]:
    """A line for each of the first differences, and how many more there are."""
    for difference in differences[:_MOST_DIFFERENCES]:
        counted, in_lake = difference.counted, difference.in_lake
        yield (
            f"  {difference.key} {difference.period}: {difference.nature}; "
            f"{counted.requests:,} counted, {in_lake.requests:,} in the lake"
        )
    if found > _MOST_DIFFERENCES:
        yield f"  and {found - _MOST_DIFFERENCES:,} more: see --json"
