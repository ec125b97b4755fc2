"""A reader of the output that leaves, as `head` does."""

from __future__ import annotations

import json
import subprocess
import sys

from cli.common.pipe import is_reader_gone, readers_may_leave

COMMANDS = [
    (["--help"], 0),
    (["estimate", "--calls-per-month", "10M", "--keys", "50"], 0),
    (["estimate", "--calls-per-month", "10M", "--keys", "50", "--json"], 0),
    (["format", "check", '{"requestId":"$context.requestId"}'], 1),
    (["format", "check", '{"requestId":"$context.requestId"}', "--json"], 1),
    (["reconcile", "2026-13"], 2),
]
PROGRAM = """
import json, os, sys
from cli.main import main
reading, writing = os.pipe()
os.close(reading)
os.dup2(writing, 1)
codes = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["usage-meter", *arguments]
    os.dup2(writing, 1)
    try:
        codes.append(main())
    except SystemExit as ended:
        codes.append(ended.code)
print("codes", json.dumps(codes), file=sys.stderr)
"""


def test_a_reader_that_left_is_no_error() -> None:
    """The exit code is the command's own, whatever it writes. Nothing is said of the pipe."""
    arguments = json.dumps([given for given, _ in COMMANDS])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=True
    )
    *others, codes = done.stderr.splitlines()
    assert [code or 0 for code in json.loads(codes.removeprefix("codes"))] == [code for _, code in COMMANDS]
    assert "roken" not in "".join(others)


def test_it_is_known_that_nobody_reads(capfd: object) -> None:  # noqa: ARG001 - so that there is a descriptor
    """So that what would go on for ever ends."""
    with readers_may_leave():
        print("read")
        sys.stdout.flush()
        assert not is_reader_gone()
