"""What the objects under the error prefix hold, remembered from run to run.

What cannot be decoded stays there, and its number is needed in every report. An object that has the name and
the ETag with which it was read holds what it held then, so it is not read again: each run lists the objects
and reads the new ones. The memory is one object beside the reports, of bounded size. It is given up as a
whole when the code that decodes has changed, and a part of it is read again each day, so that nobody has to
believe in it for longer than about a week. Only the daily run uses it: commands read all objects.

Nothing depends on the memory but the number of requests: it may be removed at any time.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

import metering
from metering.bucket_layout import ERROR_MEMORY
from metering.proof.stored_object import StoredObject
from reconciliation.lake import firehose_errors
from reconciliation.lake.error_objects import READERS, error_objects
from reconciliation.lake.firehose_errors import read_error_object
from reconciliation.model.failed_records import ErrorReading
from reconciliation.ports import ErrorPrefix, ReadingStore

MOST_REMEMBERED: Final = 200_000
"""Objects, and records in them that cannot be decoded, together: some 20 MB in S3, 100 in memory. What is
more is read by every run.
"""
BELIEVED: Final = timedelta(days=7)
MOST_READ_AGAIN: Final = 5_000
"""Of the objects that are to be read again, in one run: what fell due on one day is spread over several."""
SAVE_EVERY: Final = 2_000
"""Objects read: a run that is ended by its time-out leaves what it has read to the next."""
_LISTED: Final = 1_000


class RememberedObject(msgspec.Struct, frozen=True, array_like=True):
    """An object that was read."""

    etag: str
    read_on: date
    reading: ErrorReading

    @property
    def weight(self) -> int:
        """What it takes of the memory's bounded size."""
        return 1 + len(self.reading.lost)


class RememberedObjects(msgspec.Struct):
    """All of them, by name."""

    decoder: str
    objects: dict[str, RememberedObject]


class _Loaded(NamedTuple):
    objects: Mapping[str, RememberedObject]
    tag: str | None
    """Of the memory's object; None: there is none."""


class ErrorMemory:
    """What was read in earlier runs."""

    def __init__(self, store: ReadingStore, today: Callable[[], date]) -> None:
        """`today` is a date in UTC."""
        self._store, self._today = store, today

    def load(self) -> _Loaded:
        """What is remembered, if the code that decodes is still the same."""
        found = self._store.read(ERROR_MEMORY)
        if found is None:
            return _Loaded({}, None)
        memory = _decoded(found.content)
        if memory is None or memory.decoder != decoder_version():
            return _Loaded({}, found.tag)
        return _Loaded(memory.objects, found.tag)

    def run(self) -> _Run:
        """A run over all objects, with today's date."""
        return _Run(self, self.load(), self._today())

    def save(self, objects: Mapping[str, RememberedObject], loaded: _Loaded) -> _Loaded | None:
        """Replace what was loaded. None: another run has written meanwhile, whose memory is as good."""
        content = _encoded(objects)
        if loaded.tag is None:
            is_written = self._store.add(ERROR_MEMORY, content)
        else:
            is_written = self._store.replace(ERROR_MEMORY, content, loaded.tag)
        found = self._store.read(ERROR_MEMORY) if is_written else None
        return None if found is None or found.content != content else _Loaded(objects, found.tag)


class _Run:
    """One pass over the objects under the error prefix."""

    def __init__(self, memory: ErrorMemory, loaded: _Loaded, today: date) -> None:
        self._memory, self._today = memory, today
        self._loaded: _Loaded | None = loaded
        self._known = _believed(loaded.objects, today)
        self._seen: dict[str, RememberedObject] = {}
        self._weight = 0
        self._unsaved = 0

    def readings(self, prefix: ErrorPrefix) -> Iterator[tuple[str, ErrorReading]]:
        """What each object holds, in the order of the list, without those that are gone meanwhile."""
        listed = iter(prefix.objects())
        with ThreadPoolExecutor(READERS, "errors") as pool:
            while some := list(islice(listed, _LISTED)):
                new = [one for one in some if not self._knows(one)]
                read = dict(zip(new, pool.map(lambda one: _read(prefix, one), new), strict=True))
                for one in some:
                    found = self._known[one.name] if one not in read else self._learnt(one, read[one])
                    if found is not None:
                        self._keep(one.name, found)
                        yield one.name, found.reading
                if self._unsaved >= SAVE_EVERY:
                    self._save({**self._known, **self._seen})
        if self._unsaved or self._seen.keys() != self._known.keys():
            self._save(self._seen)

    def _knows(self, one: StoredObject) -> bool:
        known = self._known.get(one.name)
        return known is not None and known.etag == one.etag

    def _learnt(self, one: StoredObject, reading: ErrorReading | None) -> RememberedObject | None:
        self._unsaved += 1
        return None if reading is None else RememberedObject(one.etag, self._today, reading)

    def _keep(self, name: str, found: RememberedObject) -> None:
        if self._weight + found.weight <= MOST_REMEMBERED:
            self._weight += found.weight
            self._seen[name] = found

    def _save(self, objects: Mapping[str, RememberedObject]) -> None:
        if self._loaded is not None:
            self._loaded = self._memory.save(objects, self._loaded)
            self._unsaved = 0


def error_readings(prefix: ErrorPrefix, memory: ErrorMemory | None) -> Iterator[tuple[str, ErrorReading]]:
    """What the objects under the error prefix hold, by name, in the order of the list.

    Raises:
        MeterError: one cannot be read, or the memory not be written.
    """
    if memory is not None:
        yield from memory.run().readings(prefix)
        return
    for name, content in error_objects(prefix):
        yield name, read_error_object(name, content)


@cache
def decoder_version() -> str:
    """It changes with every change of the code that decodes."""
    folder = Path(str(metering.__file__)).parent
    digest = sha256()
    for module in (*sorted(folder.rglob("*.py")), Path(firehose_errors.__file__)):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _read(prefix: ErrorPrefix, one: StoredObject) -> ErrorReading | None:
    content = prefix.read(one.name)
    return None if content is None else read_error_object(one.name, content)


def _believed(objects: Mapping[str, RememberedObject], today: date) -> dict[str, RememberedObject]:
    """Without those that are to be read again, the longest remembered first."""
    due = [name for name, one in objects.items() if not today - BELIEVED < one.read_on <= today]
    due.sort(key=lambda name: objects[name].read_on)
    again = frozenset(due[:MOST_READ_AGAIN])
    return {name: one for name, one in objects.items() if name not in again}


def _encoded(objects: Mapping[str, RememberedObject]) -> bytes:
    memory = RememberedObjects(decoder_version(), dict(objects))
    return gzip.compress(msgspec.json.encode(memory), compresslevel=1, mtime=0)


def _decoded(content: bytes) -> RememberedObjects | None:
    """The memory; None if this is none, so that it is written again."""
    try:
        return msgspec.json.decode(gzip.decompress(content), type=RememberedObjects)
    except (OSError, EOFError, zlib.error, msgspec.DecodeError):
        return None
