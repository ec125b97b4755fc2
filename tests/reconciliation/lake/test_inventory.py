"""Which objects of the lake were read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from metering.proof.stored_object import StoredObject
from reconciliation.lake.inventory import objects_read

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
ONE, TWO = StoredObject("a", "e1", 3), StoredObject("b", "e2", 5)


class Folders:
    """The lake, and which folders were looked into."""

    def __init__(self, **objects: list[StoredObject]) -> None:
        self.asked: list[str] = []
        self._objects = defaultdict(list, {name.lstrip("d"): held for name, held in objects.items()})

    def of_days(self, days: Sequence[datetime]) -> Iterator[tuple[datetime, StoredObject]]:
        self.asked = [f"{day:%Y%m%d}" for day in days]
        return ((day, one) for day in days for one in self._objects[f"{day:%Y%m%d}"])


def test_folders() -> None:
    """The days that the queries name: those of the month, and one more on either side."""
    folders = Folders()
    assert [] == objects_read(folders, START, END)
    assert (33, "20260930", "20261101") == (len(folders.asked), folders.asked[0], folders.asked[-1])


def test_part_of_a_month() -> None:
    """Of a running month the days that are compared, and one more on either side."""
    folders = Folders()
    objects_read(folders, START, START.replace(day=2))
    assert ["20260930", "20261001", "20261002"] == folders.asked


def test_digest() -> None:
    """As the page says how to derive it."""
    (found,) = objects_read(Folders(d20261005=[ONE, TWO]), START, END)
    assert ("2026-10-05", 2, 8) == (found.day, found.objects, found.size)
    assert sha256(b"a\te1\t3\nb\te2\t5\n").hexdigest() == found.digest


def test_another_object() -> None:
    """One that was written anew has another digest, though name and size are the same."""
    (before,) = objects_read(Folders(d20261005=[ONE]), START, END)
    (after,) = objects_read(Folders(d20261005=[ONE._replace(etag="e3")]), START, END)
    assert before.digest != after.digest
