"""One demo in a terminal that stays up, for all three."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.people.terminal import Terminal

CALLS = 300


class Up(NamedTuple):
    """What runs in the first terminal, and what it has printed."""

    environment: Mapping[str, str]
    """For another terminal: that of the `export` lines, beside the usual."""
    page: str
    shown: str


@pytest.fixture(scope="package")
def plain_environment() -> Mapping[str, str]:
    """What a shell has before anything is exported: the command in its path, and nothing of AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS")}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        kept.pop(name, None)
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.fixture(scope="package")
def demo(plain_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The demo, which stays up until Ctrl-C on a terminal, and then says that its data is gone."""
    with Terminal(80, plain_environment, tmp_path_factory.mktemp("engineer")) as terminal:
        terminal.begin(f"usage-meter demo --lines {CALLS}")
        shown = terminal.wait_for("Ctrl-C stops it.")
        exports = dict(re.findall(r"^ +export (\w+)=(\S+)\r?$", shown, re.MULTILINE))
        assert exports
        (page,) = re.findall(r"(http://127\.0\.0\.1:\d+/)#/overview\?month=2026-11", shown)
        yield Up({**plain_environment, **exports}, page, shown)
        terminal.answer("\x03")
        ended = terminal.end()
        assert (0, True) == (ended.code, "Stopped; its data is gone." in ended.plain)
