"""A log of the wrong form is reported before it is played, and at the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cli.common.terminal import console
from cli.local.demo_session import DemoOptions, run
from cli.local.log_form import show_form, show_malformed
from local_cloud.demo.source import AccessLog
from tests.local_cloud.demo.results import OCTOBER, report, result
from tests.metering.calls.test_line_sample import CLF, HTTP_DEFAULT, line

FILE = Path("some/log")


def shown_of(capsys: pytest.CaptureFixture[str], *lines: str) -> str:
    """What is said of these first lines."""
    show_form(console(), AccessLog("log", lambda: lines, len(lines), timedelta()), FILE)
    return capsys.readouterr().out


def test_most_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """How many, of what form, what to do, and the command that says more."""
    shown = shown_of(capsys, CLF, CLF, line())
    assert "2 of the first 3 lines: not counted." in shown
    assert "`usage-meter lines some/log`" in shown
    assert "common log format" in shown
    assert "format check" in shown


def test_most_count_for_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """AWS's default formats name no key."""
    shown = shown_of(capsys, HTTP_DEFAULT, HTTP_DEFAULT, CLF)
    assert "3 of the first 3 lines: not counted or counted under no key" in shown
    assert "Most are no_key_field" in shown


def test_half_are_as_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said of a log with some odd lines."""
    assert "" == shown_of(capsys, CLF, line())


def test_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """It says so again where most were malformed, and else nothing."""
    show_malformed(console(), result(), FILE)
    assert "" == capsys.readouterr().out
    show_malformed(console(), result(october=report(OCTOBER, metered=1, malformed=7)), FILE)
    shown = capsys.readouterr().out
    assert "7 of 11 log events are malformed" in shown
    assert "`usage-meter lines some/log`" in shown


def test_the_demo_of_such_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reported before the first call is counted, and after the last."""
    path = tmp_path / "log"
    path.write_text((CLF + "\n") * 20)
    run(DemoOptions(path, serve=False))
    shown = capsys.readouterr().out
    assert "20 of the first 20 lines: not counted" in shown
    assert shown.index("of the first") < shown.index("No drift")
    assert "20 of 20 log events are malformed" in shown
