"""A store of reports in memory, and one on which a chosen write fails."""

from __future__ import annotations

import threading

from metering.errors import Transient
from metering.proof.stored_object import Stored


class Shelf:
    """The port `ReportStore`, with conditions as S3 has them."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._tags: dict[str, int] = {}

    def read(self, name: str) -> Stored | None:
        with self._lock:
            return Stored(self.contents[name], str(self._tags[name])) if name in self.contents else None

    def add(self, name: str, content: bytes) -> bool:
        return self._write(name, content, None)

    def replace(self, name: str, content: bytes, tag: str) -> bool:
        return self._write(name, content, tag)

    def place(self, name: str) -> str:
        return f"s3://lake/{name}"

    def _write(self, name: str, content: bytes, tag: str | None) -> bool:
        with self._lock:
            found = str(self._tags[name]) if name in self._tags else None
            if tag != found:
                return False
            self.contents[name] = content
            self._tags[name] = self._tags.get(name, 0) + 1
            return True


class Killed(Transient):
    """The job is gone."""


class KillingShelf(Shelf):
    """The same; the job is killed at one of its writes: before it, or after it and before its answer."""

    def __init__(self, fatal: int, *, is_written: bool) -> None:
        super().__init__()
        self.writes = 0
        self._fatal = fatal
        self._is_written = is_written

    def _write(self, name: str, content: bytes, tag: str | None) -> bool:
        self.writes += 1
        if self.writes != self._fatal:
            return super()._write(name, content, tag)
        if self._is_written:
            super()._write(name, content, tag)
        raise Killed(f"at write {self.writes}, of {name}")
