"""What `usage-meter lines` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cli.common.terminal import Text
from metering.calls.line_sample import Counts, LineGroup
from reconciliation.report.verdict import counted

LONGEST_EXAMPLE: Final = 400
_STYLES: Final = {Counts.FULLY: "green", Counts.FOR_NOBODY: "bold yellow", Counts.NOT: "bold red"}


def show(screen: Console, source: str, groups: Sequence[LineGroup]) -> None:
    """Print the conclusion, then each kind."""
    screen.print(Text(f"{source}: {_conclusion(groups)}", "bold"), soft_wrap=True)
    for group in groups:
        screen.print()
        kind = group.kind
        screen.print(
            Text.assemble(
                Text(f"{group.count:,} {kind.counts.value}", _STYLES[kind.counts]),
                Text(f"  {kind.name}", "dim"),
            )
        )
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column()
        rows.add_column(overflow="fold")
        rows.add_row("what", kind.meaning)
        if group.explanation:
            rows.add_row("why", group.explanation)
        if kind.mend:
            rows.add_row("mend", kind.mend)
        rows.add_row("example", shortened(group.example))
        screen.print(rows)


def document(source: str, groups: Sequence[LineGroup]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "source": source,
        "lines": _lines(groups),
        **{counts.name.lower(): _lines(groups, counts) for counts in Counts},
        "kinds": [
            {
                "kind": group.kind.name,
                "counts": group.kind.counts.value,
                "lines": group.count,
                "meaning": group.kind.meaning,
                "reason": group.explanation,
                "mend": group.kind.mend,
                "example": shortened(group.example),
            }
            for group in groups
        ],
    }


def shortened(text: str) -> str:
    """A text as far as it is shown."""
    left = len(text) - LONGEST_EXAMPLE
    return f"{text[:LONGEST_EXAMPLE]} ... and {counted(left, 'more character')}" if left > 0 else text


def _conclusion(groups: Sequence[LineGroup]) -> str:
    parts = [f"{_lines(groups, counts):,} {counts.value}" for counts in Counts]
    shown = [part for part in parts if not part.startswith("0 ")]
    return f"{counted(_lines(groups), 'line')}; {', '.join(shown)}"


def _lines(groups: Sequence[LineGroup], counts: Counts | None = None) -> int:
    return sum(group.count for group in groups if counts in {None, group.kind.counts})
