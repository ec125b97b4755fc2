"""Skipped tests in one line for each reason: what is missing, how many tests want it, what to install.

pytest's own summary has a line for each place that skips, which hides a failure below it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell each reason once, with its number of tests."""
    reports = terminalreporter.stats.get("skipped", [])
    for line in lines(reason_of(report) for report in reports):
        terminalreporter.write_line(line)


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test, or a whole module, was skipped."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)


def lines(reasons: Iterable[str]) -> list[str]:
    """A line for each reason, the most frequent one first."""
    return [
        f"SKIPPED {number} {'test' if number == 1 else 'tests'}: {reason}"
        for reason, number in sorted(Counter(reasons).items(), key=lambda pair: (-pair[1], pair[0]))
    ]
