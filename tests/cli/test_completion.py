"""Completion of commands and options in a shell, as the shell asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "usage-meter"


def completed(typed: str) -> list[str]:
    """What bash is offered for the last word of what was typed."""
    asked = {"_USAGE_METER_COMPLETE": "complete_bash", "COMP_WORDS": typed}
    shown = subprocess.run(
        [COMMAND],
        env={**os.environ, **asked, "COMP_CWORD": str(typed.count(" "))},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()


@pytest.mark.parametrize(
    ("typed", "expected"),
    # each starts the command: everybody sees a command of a command, and the value of an option
    [
        ("usage-meter quota ass", ["assign"]),
        ("usage-meter top --metric resp", ["response_bytes"]),
        pytest.param("usage-meter ex", ["explain"], marks=pytest.mark.exhaustive),
        pytest.param("usage-meter to", ["top"], marks=pytest.mark.exhaustive),
        pytest.param("usage-meter usage a1 --per", ["--period"], marks=pytest.mark.exhaustive),
    ],
)
def test_bash(typed: str, expected: list[str]) -> None:
    """Commands, options and the values of an option."""
    assert expected == completed(typed)


def test_install(tmp_path: Path) -> None:
    """It writes what the shell reads at its start; the script is one that bash takes."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(
        ["bash", "-c", f"{COMMAND} --install-completion; exit $?"],
        env=environment,
        capture_output=True,
        check=True,
    )
    script = tmp_path / ".bash_completions" / "usage-meter.sh"
    assert str(script) in (tmp_path / ".bashrc").read_text()
    shown = subprocess.run(
        ["bash", "-c", f"{COMMAND} --show-completion; exit $?"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "complete -o default -F _usage_meter_completion usage-meter" in shown.stdout
    subprocess.run(["bash", "-n", script], check=True)
