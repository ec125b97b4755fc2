"""How skipped tests are reported."""

from __future__ import annotations

import pytest

from tests.skip_report import lines, reason_of


def skipped(reason: str) -> pytest.TestReport:
    """The report of a test that was skipped."""
    where = ("tests/a.py", 3, f"Skipped: {reason}")
    return pytest.TestReport("tests/a.py::a", ("tests/a.py", 1, "a"), {}, "skipped", where, "setup")


def test_once_each() -> None:
    """A hundred tests without a browser are one line, and the most frequent reason comes first."""
    reports = [skipped("no Java")] + [skipped("no browser (Debian: chromium)")] * 100
    assert [
        "SKIPPED 100 tests: no browser (Debian: chromium)",
        "SKIPPED 1 test: no Java",
    ] == lines(map(reason_of, reports))


def test_nothing() -> None:
    """Where nothing was skipped nothing is said."""
    assert [] == lines([])
