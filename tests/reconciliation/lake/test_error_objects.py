"""Objects under the error prefix, read several at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from metering.errors import Transient
from metering.proof.stored_object import StoredObject
from reconciliation.lake.error_objects import READERS, error_objects


class Prefix:
    """Objects that are read when all readers have asked."""

    def __init__(self, objects: int, fails_at: str = "") -> None:
        self.names = [f"errors/{number:03d}" for number in range(objects)]
        self._fails_at = fails_at
        self._together = threading.Barrier(READERS)
        self.read_by: set[str] = set()

    def objects(self) -> Iterator[StoredObject]:
        return (StoredObject(name, "tag", 0) for name in self.names)

    def read(self, name: str) -> bytes | None:
        self._together.wait(30)
        self.read_by.add(threading.current_thread().name)
        if name == self._fails_at:
            raise Transient("S3 is busy")
        return None if name.endswith("7") else name.encode()


def test_several_at_a_time() -> None:
    """All of them in their order, but those that are gone; as many at a time as there are connections."""
    prefix = Prefix(3 * READERS)
    assert [(name, name.encode()) for name in prefix.names if name[-1] != "7"] == list(error_objects(prefix))
    assert READERS == len(prefix.read_by)


def test_none() -> None:
    """An empty prefix has none."""
    assert [] == list(error_objects(Prefix(0)))


def test_one_that_cannot_be_read() -> None:
    """It ends the reading."""
    with pytest.raises(Transient, match="S3 is busy"):
        list(error_objects(Prefix(READERS, fails_at="errors/003")))
