"""What the demo prints at its end."""

import re
import shlex
import sys
from pathlib import Path

import msgspec
import pytest

from cli.common.terminal import console
from cli.local.demo_report import show_next, show_result
from cli.main import COMMANDS
from local_cloud.demo.result import DemoResult
from tests.local_cloud.demo.results import OCTOBER, ONE_MORE, report, result


def shown(found: DemoResult, capsys: pytest.CaptureFixture[str]) -> str:
    """The report as a pipe gets it, with single spaces."""
    show_result(console(), found)
    return re.sub(" +", " ", capsys.readouterr().out)


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts, both sides of each month and outcome, the proof, and what to do next."""
    text = shown(result(), capsys)

    for part in (
        "log events 10 in 12.3 s",
        "counted 8 metered, 1 unattributed, 1 malformed, 1 undecodable",
        "ignored 3 duplicates",
        "API keys 3",
        "the lake 13 rows of 10 events",
        "on this machine counted 1.5 s after its line was put (p50), 2.5 s (p99)",
        "2026-10 metered 6 6 0",
        "2026-10 malformed 1 1 0",
        "2026-11 undecodable 1 1 0",
        "2 faults injected: 2 failed batch",
        "difference 0",
        "No drift",
    ):
        assert part in text
    assert "\x1b" not in text


def test_what_to_try_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command is one that there is, by the path that works from where the user stands."""
    program = tmp_path / "my bin" / "usage-meter"
    program.parent.mkdir()
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    for folder in (tmp_path, program.parent, Path("/")):
        monkeypatch.chdir(folder)
        show_next(console())
        lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
        assert {"demo", "local"} == {words[1] for words in lines} <= COMMANDS.keys()
        assert {program} == {folder / words[0] for words in lines}
        assert all("/" in words[0] for words in lines), "a shell looks for a bare name elsewhere"


def test_a_difference_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """With its key, period and nature; and nothing says that all is well."""
    found = result(
        october=report(
            OCTOBER,
            [msgspec.structs.replace(ONE_MORE, key=f"shop-{n:02}") for n in range(12)],
            metered=6,
            unattributed=1,
            malformed=1,
        )
    )
    text = shown(found, capsys)

    assert "PROBLEM: the figures disagree in 12 places" in text
    assert "shop-00 2026-10: calls missing in the lake; 2 counted, 1 in the lake" in text
    assert "and 2 more: see --json" in text
    assert "No drift" not in text
