"""Standard output and standard error into a pipe whose reader may leave, as `head` does, or onto a full disk.

What comes after a reader has left is written to nobody: the command goes on with its work, and its exit code
says what it says otherwise. A command that would go on for ever looks at `is_reader_gone`. Standard output
that cannot be written is an error, since a result is lost; messages that cannot be written are lost.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final


class OutputError(OSError):
    """Standard output cannot be written."""


class _Patient(io.FileIO):
    """Takes what nobody reads any more."""

    is_reader_gone = False
    is_fallible = False
    """Whether it is an error that something cannot be written."""

    def write(self, data: Any) -> int:
        """As a file does."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            self.is_reader_gone = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
        except OSError as error:
            if self.is_fallible:
                raise OutputError(error.errno, error.strerror) from error
        return memoryview(data).nbytes


_STREAMS: Final[list[_Patient]] = []


@contextmanager
def readers_may_leave() -> Iterator[None]:
    """Lets both streams of this process bear that their reader leaves. Whoever wants to know that all of
    standard output is written flushes it in the block.

    Raises:
        OutputError: standard output cannot be written; never when the block ends, which has its own result.
    """
    sys.stdout.flush()
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _patient(sys.stdout, is_fallible=True), _patient(sys.stderr)
    try:
        yield
    finally:
        for raw in _STREAMS:
            raw.is_fallible = False
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = streams
        _STREAMS.clear()


def is_reader_gone() -> bool:
    """Whether nobody reads the output any more."""
    return any(stream.is_reader_gone for stream in _STREAMS)


def _patient(stream: Any, *, is_fallible: bool = False) -> Any:
    try:
        raw = _Patient(stream.fileno(), "w", closefd=False)
    except io.UnsupportedOperation:  # something in memory, which has no reader
        return stream
    raw.is_fallible = is_fallible
    _STREAMS.append(raw)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
