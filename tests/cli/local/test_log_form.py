"""A log of the wrong form is told of before it is played, and at the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cli.common.terminal import console
from cli.local.demo_session import DemoOptions, run
from cli.local.log_form import tell_form, tell_malformed
from local_cloud.demo.source import AccessLog
from tests.local_cloud.demo.results import OCTOBER, report, result
from tests.metering.calls.test_line_sample import CLF, HTTP_DEFAULT, line

FILE = Path("some/log")


def told_of(capsys: pytest.CaptureFixture[str], *lines: str) -> str:
    """What is said of these first lines."""
    tell_form(console(), AccessLog("log", lambda: lines, len(lines), timedelta()), FILE)
    return capsys.readouterr().out


def test_most_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """How many, of what form, what to do, and the command that says more."""
    told = told_of(capsys, CLF, CLF, line())
    assert "2 of the first 3 lines: not counted." in told
    assert "`usage-meter lines some/log`" in told
    assert "common log format" in told
    assert "format check" in told


def test_most_count_for_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """AWS's default formats name no key."""
    told = told_of(capsys, HTTP_DEFAULT, HTTP_DEFAULT, CLF)
    assert "3 of the first 3 lines: not counted or counted under no key" in told
    assert "Most are no_key_field" in told


def test_half_are_as_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said of a log with some odd lines."""
    assert "" == told_of(capsys, CLF, line())


def test_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """It says so again where most were malformed, and else nothing."""
    tell_malformed(console(), result(), FILE)
    assert "" == capsys.readouterr().out
    tell_malformed(console(), result(october=report(OCTOBER, metered=1, malformed=7)), FILE)
    told = capsys.readouterr().out
    assert "7 of 11 log events are malformed" in told
    assert "`usage-meter lines some/log`" in told


def test_the_demo_of_such_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told before the first call is counted, and after the last."""
    path = tmp_path / "log"
    path.write_text((CLF + "\n") * 20)
    run(DemoOptions(path, serve=False))
    told = capsys.readouterr().out
    assert "20 of the first 20 lines: not counted" in told
    assert told.index("of the first") < told.index("No drift")
    assert "20 of 20 log events are malformed" in told
