"""Standard output and standard error into a pipe whose reader may leave, as `head` does.

What comes after is written to nobody: the command goes on with its work, and its exit code says what it
says otherwise. A command that would go on for ever looks at `is_reader_gone`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final


class _Patient(io.FileIO):
    """Takes what nobody reads any more."""

    is_reader_gone = False

    def write(self, data: Any) -> int:
        """As a file does."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            self.is_reader_gone = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


_STREAMS: Final[list[_Patient]] = []


@contextmanager
def readers_may_leave() -> Iterator[None]:
    """Lets both streams of this process bear that their reader leaves."""
    sys.stdout.flush()
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = streams
        _STREAMS.clear()


def is_reader_gone() -> bool:
    """Whether nobody reads the output any more."""
    return any(stream.is_reader_gone for stream in _STREAMS)


def _patient(stream: Any) -> Any:
    try:
        raw = _Patient(stream.fileno(), "w", closefd=False)
    except io.UnsupportedOperation:  # something in memory, which has no reader
        return stream
    _STREAMS.append(raw)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
