"""A backend engineer on a laptop: the demo, a line of their own, the keys, a pipe, a narrow terminal."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.people.conftest import CALLS, Up
from tests.people.terminal import PATIENCE_SECONDS, Terminal, Typed

pytestmark = pytest.mark.exhaustive


def test_engineer(demo: Up, tmp_path: Path) -> None:
    """Everything that the demo prints can be typed as it is, and shows what it says."""
    assert f"No drift: the counters and the lake hold the same {CALLS} events." in demo.shown
    assert "next call: status 429" in demo.shown
    commands = [line.strip() for line in demo.shown.splitlines() if line.startswith("    ")]

    with Terminal(46, demo.environment, tmp_path) as narrow:
        (send,) = (one for one in commands if one.startswith("echo "))
        assert "1 line sent to " in _done(narrow, send).plain
        (usage,) = (one for one in commands if " usage my-key " in one)
        seen = _when_counted(narrow, usage)
        assert all(len(line) <= 46 for line in seen.lines), seen.plain
        (top,) = (one for one in commands if " top " in one)
        first = _done(narrow, top)
        assert re.search(r"^[0-9a-f]{10} ", first.plain, re.MULTILINE), "keys are whole"

        piped = _done(narrow, f"{top} | cat")
        assert "\x1b" not in piped.text
        assert 1 == len(_done(narrow, f"{top} | head -1").plain.strip().splitlines())
        uncoloured = _done(narrow, "NO_COLOR=1 usage-meter health")
        assert re.search(r"\x1b\[(?:[0-9;]*;)?(?:3|4|9|10)[0-7](?:;[0-9;]*)?m", uncoloured.text) is None
        assert "unreadable" not in uncoloured.plain, "the line that the demo prints is a call"

        unknown = narrow.run("usage-meter usage nobody --period 2026-11")
        assert "The key 'nobody' is not known" in " ".join(unknown.plain.split())
        wrong = narrow.run("usage-meter top --period 2026-13")
        assert (2, True) == (wrong.code, "2026-13" in wrong.plain)


def _done(terminal: Terminal, command: str) -> Typed:
    found = terminal.run(command)
    assert 0 == found.code, found.plain
    return found


def _when_counted(terminal: Terminal, command: str) -> Typed:
    """The engineer looks again until the line is counted."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = terminal.run(command)
        if re.search(r"^requests +1\b", found.plain, re.MULTILINE):
            return found
        assert time.monotonic() < deadline, found.plain
