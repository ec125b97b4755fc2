"""A pool of processes that end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

_KILLED = """
import os, signal, sys
from simulation.worker_pool import worker_pool
pool = worker_pool(2, start_method=sys.argv[1])
pool.submit(signal.pause)
print(pool.submit(os.getpid).result() != os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGTERM)
"""
SECONDS = 60
"""No worker is so long in ending; one that stays fails the test."""


@pytest.mark.parametrize("start_method", ["spawn", "fork"])
def test_killed_parent(start_method: str) -> None:
    """A worker in the middle of a task and one that waits for the next both end when their parent is killed.

    They hold the pipe of its output: it is at its end when the last of them has ended.
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", _KILLED, start_method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = parent.communicate(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
    assert (-signal.SIGTERM, b"True\n") == (parent.returncode, output), errors
