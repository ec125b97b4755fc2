"""Which objects of the lake the queries of a month read: later anyone can check whether they are the same.

A day's folder is identified by the number of its objects, their bytes, and a digest: the SHA-256 of a line
for each object, in the order of their names, with name, ETag and bytes, set apart by tabs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

from metering.proof.stored_object import StoredObject
from reconciliation.lake.queries import MARGIN
from reconciliation.model.report import ObjectsOfDay

_INSTANT: Final = timedelta(milliseconds=1)


class LakeObjects(Protocol):
    """The objects of the lake."""

    def of_days(self, days: Sequence[datetime]) -> Iterable[tuple[datetime, StoredObject]]:
        """Those of the folders of these days, which are in order, each with its day; in the order of their
        names.

        Raises:
            Transient, Misconfigured: they cannot be listed.
        """
        ...


def objects_read(lake: LakeObjects, start: datetime, end: datetime) -> list[ObjectsOfDay]:
    """What a query of the calls from `start` until before `end` reads, at this moment: the folders of these
    days and of one more on either side. Empty ones are left out.
    """
    days = list(_days(start - MARGIN, end - _INSTANT + MARGIN))
    found = groupby(lake.of_days(days), key=itemgetter(0))
    return [_of_day(day, (one for _, one in objects)) for day, objects in found]


def _days(first: datetime, last: datetime) -> Iterator[datetime]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _of_day(day: datetime, objects: Iterable[StoredObject]) -> ObjectsOfDay:
    digest, number, size = sha256(), 0, 0
    for one in objects:
        digest.update(f"{one.name}\t{one.etag}\t{one.size}\n".encode())
        number += 1
        size += one.size
    return ObjectsOfDay(f"{day:%Y-%m-%d}", number, size, digest.hexdigest())
