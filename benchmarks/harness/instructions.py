"""Counts the instructions that Python executes, which is the same number on every run of the same code.

A clock depends on the machine and on its neighbours; a test that reads one fails where nothing is wrong. The
number of executed instructions of the interpreter says how much Python there is on a path: a loop or a call
for each call of the API shows up in it at once. What happens inside of C, such as inflating and decoding, is
not counted: `make bench` measures that.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from types import FrameType


class Counting:
    """Counts what this thread executes while it is a trace function."""

    def __init__(self) -> None:
        self.instructions = 0

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Counting:
        """Python calls this for each call of a function and, as asked for here, for each instruction."""
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            self.instructions += 1
        return self


def executed(work: Callable[[], object]) -> int:
    """The instructions of `work` in this thread. It runs once before, so that no cache of its own is empty.

    Raises:
        RuntimeError: a debugger or a coverage tool already traces this thread.
    """
    if sys.gettrace() is not None:
        raise RuntimeError(f"{threading.current_thread().name} is being traced: nothing can be counted")
    work()
    counting = Counting()
    gc.disable()  # what it would collect here has finalizers, which are not the work's
    sys.settrace(counting)
    try:
        work()
    finally:
        sys.settrace(None)
        gc.enable()
    return counting.instructions
