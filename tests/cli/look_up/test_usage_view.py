"""What is drawn of an answer."""

from __future__ import annotations

import io

from rich.console import Console

from cli.look_up.usage_view import totals_table
from metering.usage import Usage


def drawn(usage: Usage) -> dict[str, str]:
    """The totals as a terminal shows them, by the name that each line begins with."""
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        console.print(totals_table(usage))
    lines = [line.split("  ", 1) for line in captured.get().splitlines()]
    return {name: " ".join(rest.split()) for name, rest in lines}


def test_unknown_sizes() -> None:
    """Beside the bytes is said how many calls add nothing to them, where there are any."""
    found = drawn(Usage(1200, 1200, 0, 5000, 60, 100, 1, 1, 1130))
    assert "5,000 1 call of unknown size" == found["response bytes"]
    assert "60 1,130 calls of unknown size" == found["request bytes"]
    assert "5,000" == drawn(Usage(1200, response_bytes=5000))["response bytes"]
