"""The contents of S3 objects, on disk, where moto holds each in memory."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Final

from local_cloud.spool import Spool, Spooled

LARGEST_IN_MEMORY: Final = 4 * 1024
_SPOOL_BYTES: Final = 64 * 2**20
"""Then the next spool begins: each is gone from the disk with the last of its contents."""


class _Spools:
    """One spool after the other. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spool = Spool()
        self._size = 0

    def put(self, content: bytes) -> tuple[Spool, Spooled]:
        with self._lock:
            if self._size >= _SPOOL_BYTES:
                self._spool, self._size = Spool(), 0
            self._size += len(content)
            return self._spool, self._spool.put(content)


_spools: Final = _Spools()


class ObjectContent:
    """A file of which moto makes one for each object: small ones are in memory, others on disk."""

    def __init__(self, *_arguments: object, **_options: object) -> None:
        """With what moto says of how much may be in memory, which is 5 MB for each."""
        self._small = b""
        self._large: tuple[Spool, Spooled] | None = None
        self._position = 0

    def seek(self, position: int) -> None:
        """Go to a position."""
        self._position = position

    def read(self, most: int = -1) -> bytes:
        """What follows, and go to its end."""
        content = self._content()
        end = len(content) if most < 0 else self._position + most
        found = content[self._position : end]
        self._position += len(found)
        return found

    def truncate(self) -> None:
        """End at the position."""
        self._keep(self._content()[: self._position])

    def write(self, content: bytes) -> None:
        """Write at the position, which is the end: moto writes once, after it has emptied the file."""
        self._keep(self._content()[: self._position] + content)
        self._position += len(content)

    def close(self) -> None:
        """Forget it."""
        self._keep(b"")

    def _content(self) -> bytes:
        if self._large is None:
            return self._small
        spool, place = self._large
        return spool.read(place)

    def _keep(self, content: bytes) -> None:
        is_small = len(content) <= LARGEST_IN_MEMORY
        self._small = content if is_small else b""
        self._large = None if is_small else _spools.put(content)


CONTENTS_ON_DISK: Final = SimpleNamespace(SpooledTemporaryFile=ObjectContent)
"""In place of the module `tempfile`, from which moto takes the files."""
