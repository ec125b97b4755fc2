"""The main commands as people see them: on a terminal of 80 and of 46 columns, without colours, in a pipe.

One process imports the command once and plays each run in a child of its own, on a terminal of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import pytest

from adapters.dynamodb.plans import PlanBook
from local_cloud.stack import LocalCloud
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.usage import Metric
from tests.cli.look_up.looked_up import looked_up

LONG_KEY: Final = "auth0|5f7c8ec7c33c6c004bbafe82"
COMMANDS: Final = {
    "top": (["top", "--period", "2026-11"], ["alice", "bob"]),
    "usage": (["usage", "alice", "--period", "2026-11"], ["alice"]),
    "link": (["link", "alice"], ["/#/link/"]),
    "health": (["health"], ["shardId-000000000000", "shardId-000000000001"]),
    "plan list": (["plan", "list"], ["free"]),
    "plan show": (["plan", "show", "free"], ["free"]),
    "quota list": (["quota", "list"], ["alice", LONG_KEY]),
    "quota show": (["quota", "show", "alice"], ["alice"]),
    "explain": (["explain", "alice", "--period", "2026-11", "--no-lake"], ["alice"]),
    "reconcile": (["reconcile", "2026-11", "--allow-incomplete"], ["2026-11"]),
    "close": (["close", "2026-10", "--status"], ["2026-10"]),
    "estimate": (["estimate", "--calls-per-month", "10M", "--keys", "50"], ["Kinesis"]),
}
"""What is typed, and the names that have to be whole."""
PLACES: Final = {
    "80 columns": (80, {}),
    "46 columns": (46, {}),
    "NO_COLOR": (46, {"NO_COLOR": "1"}),
    "a pipe": (0, {}),
}
ALSO: Final = {
    "80 columns": ["health", "quota list"],
    "NO_COLOR": ["health"],
    "a pipe": ["health", "close"],
}
"""Every command is played on 46 columns, and these elsewhere, too: each run costs a third of a second."""
FURTHER: Final = {
    "80 columns": ["top", "link", "plan list"],
    "NO_COLOR": ["top", "quota show"],
    "a pipe": ["top", "quota list"],
}
"""In `make check`."""


def runs(places: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Each command and place."""
    return [(name, place) for place, names in places.items() for name in names]


RUNS: Final = runs({"46 columns": list(COMMANDS)} | ALSO)

COLOUR: Final = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3|4|9|10)[0-7](?:;[0-9;]*)?m")

RUNNER: Final = """
import fcntl, json, os, pty, struct, sys, termios
from cli.main import main
from cli.explain import session
from cli.look_up import health_session, top_session, usage_session
from cli.month_end import close_session, reconcile_session
from cli.plans import plan_session, quota_session

def play(arguments, columns, variables):
    if columns:
        child, end = pty.fork()
    else:
        end, writing = os.pipe()
        child = os.fork()
    if child == 0:
        if columns:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        else:
            os.dup2(writing, 1)
        os.environ.update(variables)
        sys.argv = ["usage-meter", *arguments]
        try:
            code = main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException as error:
            print("CRASHED", repr(error), flush=True)
            code = 99
        sys.stdout.flush()
        os._exit(code)
    if not columns:
        os.close(writing)
    shown = b""
    while True:
        try:
            part = os.read(end, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(end)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

json.dump([play(*job) for job in json.load(sys.stdin)], sys.stdout)
"""


class Shown(NamedTuple):
    """What somebody sees, and the exit code."""

    text: str
    code: int

    @property
    def lines(self) -> list[str]:
        """What stays on the screen, without colours: what was erased was progress."""
        kept = [line.rsplit("\x1b[2K", 1)[-1] for line in self.text.split("\n")]
        return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rstrip("\r") for line in kept]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """What the commands look at."""
    with looked_up() as running:
        running.refill()
        running.confirm()
        assign(running.cloud)
        yield running.cloud


@pytest.fixture(scope="module")
def shown(cloud: LocalCloud) -> dict[tuple[str, str], Shown]:
    """What everybody sees, played once."""
    return played(cloud, RUNS)


@pytest.fixture(scope="module")
def shown_further(cloud: LocalCloud) -> dict[tuple[str, str], Shown]:
    """The further runs, played once."""
    return played(cloud, runs(FURTHER))


def assign(cloud: LocalCloud) -> None:
    """A plan with two limits, and keys under it."""
    book = PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb"))
    limits = (Limit(Metric.BILLABLE, Span.MONTH, 1_000_000), Limit(Metric.REQUESTS, Span.HOUR, 10_000))
    book.put_plan(Plan("free", limits), None)
    for key in ("alice", LONG_KEY):
        book.assign(Assignment(key, "free", account="acme"))


def played(cloud: LocalCloud, of: list[tuple[str, str]]) -> dict[tuple[str, str], Shown]:
    """What each run shows."""
    jobs = [(COMMANDS[name][0], *PLACES[place]) for name, place in of]
    unwanted = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    plain = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment = {**plain, **cloud.endpoint.environment, "TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(jobs),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {run: Shown(*found) for run, found in zip(of, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize(("name", "place"), RUNS)
def test_nothing_is_cut(shown: dict[tuple[str, str], Shown], name: str, place: str) -> None:
    """Names are whole on one line, nothing ends in an ellipsis. No line is wider than the terminal, except
    an address, which is copied from one line.
    """
    check_whole(shown[name, place], name, place)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "place"), runs(FURTHER))
def test_nothing_is_cut_further(shown_further: dict[tuple[str, str], Shown], name: str, place: str) -> None:
    """Nor of other commands in those places."""
    check_whole(shown_further[name, place], name, place)


def check_whole(found: Shown, name: str, place: str) -> None:
    """What `test_nothing_is_cut` says; `NO_COLOR` leaves no colour, and a pipe gets no control code."""
    assert place != "NO_COLOR" or COLOUR.search(found.text) is None
    assert place != "a pipe" or "\x1b" not in found.text
    assert found.code in (0, 1), found.text
    assert "CRASHED" not in found.text
    assert "\u2026" not in found.text, found.text
    for whole in COMMANDS[name][1]:
        assert any(whole in line for line in found.lines), found.text
    if width := PLACES[place][0]:
        lines = [line for line in found.lines if not line.startswith("https://")]
        assert width >= max(map(len, lines)), max(lines, key=len)


def test_colours_are_for_terminals(shown: dict[tuple[str, str], Shown]) -> None:
    """Else nothing would show that `NO_COLOR` and a pipe have none."""
    assert COLOUR.search(shown["health", "46 columns"].text)
