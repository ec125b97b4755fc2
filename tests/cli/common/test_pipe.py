"""A reader of the output that leaves, as `head` does, and output onto a full disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

from cli.common.pipe import is_reader_gone, readers_may_leave

ESTIMATE = ["estimate", "--calls-per-month", "10M", "--keys", "50"]
CHECK = ["format", "check", '{"requestId":"$context.requestId"}']
COMMANDS = [
    (["--help"], 0),
    (ESTIMATE, 0),
    ([*ESTIMATE, "--json"], 0),
    (CHECK, 1),
    ([*CHECK, "--json"], 1),
    (["reconcile", "2026-13"], 2),
]
READER_LEFT = "reading, lost = os.pipe(); os.close(reading)"
FULL_DISK = "lost = os.open('/dev/full', os.O_WRONLY)"
PROGRAM = """
import json, os, sys
from cli.main import main
{lost}
codes, shown = [], os.dup(2)
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["usage-meter", *arguments]
    os.dup2(lost, {descriptor})
    try:
        codes.append(main())
    except SystemExit as ended:
        codes.append(ended.code)
os.write(shown, json.dumps(codes).encode())
"""


def codes_and_messages(
    commands: Iterable[list[str]], lost: str, descriptor: int = 1
) -> tuple[list[int], list[str]]:
    """What commands end with where an output is lost, and the lines on standard error."""
    program = PROGRAM.format(lost=lost, descriptor=descriptor)
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(list(commands))],
        capture_output=True,
        text=True,
        check=True,
    )
    *messages, codes = done.stderr.splitlines()
    return [code or 0 for code in json.loads(codes)], messages


def test_a_reader_that_left_is_no_error() -> None:
    """The exit code is the command's own, whatever it writes. Nothing is said of the pipe."""
    codes, messages = codes_and_messages([given for given, _ in COMMANDS], READER_LEFT)
    assert codes == [code for _, code in COMMANDS]
    assert "roken" not in "".join(messages)


def test_a_result_that_cannot_be_written_is_an_error() -> None:
    """A sentence and exit code 1, whether it is written as a whole, line by line, or at the very end."""
    commands = [["--version"], ["--help"], ESTIMATE, [*ESTIMATE, "--json"], [*CHECK, "--json"]]
    codes, messages = codes_and_messages(commands, FULL_DISK)
    assert [1] * len(commands) == codes
    sentence = "usage-meter: standard output cannot be written: No space left on device."
    assert [sentence] * len(commands) == messages


def test_messages_that_cannot_be_written_are_lost() -> None:
    """The exit code is the command's own; there is nowhere to report anything else."""
    assert ([0, 2], []) == codes_and_messages([["--version"], ["reconcile", "2026-13"]], FULL_DISK, 2)


def test_it_is_known_that_nobody_reads(capfd: object) -> None:  # noqa: ARG001 - so that there is a descriptor
    """So that what would go on for ever ends."""
    with readers_may_leave():
        print("read")
        sys.stdout.flush()
        assert not is_reader_gone()
