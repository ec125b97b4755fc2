"""Contents that are kept on disk while a local cloud runs, so that a long play does not fill the memory."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from pathlib import Path
from typing import NamedTuple


class Spooled(NamedTuple):
    """Where a content lies in its spool."""

    start: int
    size: int


class Spool:
    """A file without a name that only grows, and is gone with this object. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: int | None = None
        self._end = 0

    def put(self, content: bytes) -> Spooled:
        """Keep a content."""
        with self._lock:
            if self._file is None:
                self._file = _file_without_a_name()
                weakref.finalize(self, os.close, self._file)
            start, self._end = self._end, self._end + len(content)
            os.pwrite(self._file, content, start)
        return Spooled(start, len(content))

    def read(self, place: Spooled) -> bytes:
        """A content that was kept."""
        return b"" if self._file is None else os.pread(self._file, place.size, place.start)


def _file_without_a_name() -> int:
    descriptor, name = tempfile.mkstemp(prefix="usage-meter-")
    Path(name).unlink()
    return descriptor
