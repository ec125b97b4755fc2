"""The counters of a simulated store as a month end reads and corrects them, and where its states are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from adapters.dynamodb.layout import encode_position
from metering.counters.completeness import Knowledge, Positions, restored
from metering.counters.counter import Counter
from metering.counters.slices import slice_of
from metering.errors import Misconfigured
from metering.period import Period, month_of
from metering.proof.correction import Audit, Correction, Fate, Held, HeldCounters, HeldSlice, same
from metering.proof.month_state import Closing, Version
from metering.proof.stored_object import StoredObject
from simulation.protocol.store import (
    SimulatedCompleteness,
    SimulatedCounterItem,
    SimulatedCounters,
    SimulatedProgress,
)


class CountersOfMonths:
    """The ports by which counters are compared and corrected."""

    def __init__(self, counters: SimulatedCounters) -> None:
        self._counters = counters
        self.audits: set[tuple[str, Period, str]] = set()

    def of_period(self, period: Period) -> Iterator[Counter]:
        """Those of all keys in a month and its days, or in a day: each slice for itself."""
        for (key, found, _), item in list(self._counters.items.items()):
            if found.startswith(period):
                yield Counter(key, found, item.totals, dict(item.parts))

    def of_key(self, key: str, period: Period) -> Sequence[Counter]:
        """Those of one key."""
        return [one for one in self.of_period(period) if one.key == key]

    def read(self, key: str, month: Period) -> HeldCounters:
        """The counters of a key in a month and its days, slice by slice."""
        found: dict[Period, list[HeldSlice]] = {}
        for (held_key, period, number), item in self._counters.items.items():
            if held_key == key and month_of(period) == month:
                counter = Counter(key, period, item.totals, dict(item.parts))
                marks = {shard: encode_position(mark) for shard, mark in item.watermarks.items()}
                found.setdefault(period, []).append(HeldSlice(number, counter, marks))
        return {period: Held(tuple(sorted(slices))) for period, slices in found.items()}

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int]) -> Fate:
        """All or nothing: the difference to slice 0, higher watermarks, and an audit."""
        now = self.read(one.key, month_of(one.period)).get(one.period, Held(()))
        is_same = len(now.slices) == len(held.slices) and all(
            same(old.counter, new.counter) for old, new in zip(sorted(held.slices), now.slices, strict=True)
        )
        if not is_same or (one.key, one.period, audit.report) in self.audits:
            return Fate.CHANGED
        self.audits.add((one.key, one.period, audit.report))
        self._add(one)
        for shard_id, mark in marks.items():
            item = self._item(one, slice_of(shard_id))
            item.watermarks[shard_id] = max(mark, item.watermarks.get(shard_id, mark))
        return Fate.WRITTEN

    def _add(self, one: Correction) -> None:
        item = self._item(one, 0)
        item.totals += one.usage
        for part, requests in one.parts.items():
            item.parts[part] = item.parts.get(part, 0) + requests

    def _item(self, one: Correction, number: int) -> SimulatedCounterItem:
        return self._counters.items.setdefault((one.key, one.period, number), SimulatedCounterItem())


class VersionedCompleteness(SimulatedCompleteness):
    """What the watch knows, and beside it the highest version that was ever written, which no restore of the
    counters' table takes back: as :class:`adapters.dynamodb.completeness.CompletenessBook` does it.
    """

    def __init__(self, progress: SimulatedProgress) -> None:
        super().__init__(progress)
        self._highest = 0

    def load(self) -> tuple[Knowledge, Positions]:
        """What is known, and how far each shard is; a table whose version is too low was restored."""
        known, positions = super().load()
        return restored(known, self._highest), positions

    def save(self, known: Knowledge) -> bool:
        """The next version is taken, and of a restored table any higher one."""
        before = self.known.version
        fits = before < known.version if known.is_restored else before + 1 == known.version
        if fits:
            self.known = known
            self._highest = max(self._highest, known.version)
        if known.is_restored:
            raise Misconfigured(["the table was restored to an earlier time"])
        return fits


class StatesOfMonths:
    """The port `ClosingStore`."""

    def __init__(self) -> None:
        self._states: dict[Period, Version] = {}
        self._kept: dict[str, bytes] = {}

    def read(self, month: Period) -> Version | None:
        """The state of a month; None: it is open."""
        return self._states.get(month)

    def begin(self, closing: Closing) -> bool:
        """Write the first state of a month."""
        if closing.month in self._states:
            return False
        self._states[closing.month] = Version(closing, "1")
        return True

    def replace(self, closing: Closing, tag: str) -> bool:
        """Write the next state of a month, if it still has that tag."""
        found = self._states.get(closing.month)
        if found is None or found.tag != tag:
            return False
        self._states[closing.month] = Version(closing, f"{int(tag) + 1}")
        return True

    def keep(self, month: Period, what: str, digest: str, content: bytes) -> str:
        """Keep a part of what is sealed under its digest."""
        name = f"{month}/{what}-{digest}"
        self._kept[name] = content
        return name

    def content(self, name: str) -> bytes:
        """The content of such an object."""
        return self._kept[name]


class ErrorObjectsInMemory:
    """The objects under the error prefix: the ports of a comparison and of a redrive."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def objects(self) -> list[StoredObject]:
        """All of them, as they are listed."""
        return [StoredObject(name, sha256(self.contents[name]).hexdigest(), 0) for name in self.names()]

    def names(self) -> list[str]:
        """Of all of them."""
        return sorted(self.contents)

    def read(self, name: str) -> bytes | None:
        """The content of one; None if it is gone."""
        return self.contents.get(name)

    def archive(self, name: str, digest: str, content: bytes) -> None:
        """Nobody reads it again here."""

    def leave(self, name: str, content: bytes) -> None:
        """Replace the content of an object; without any, remove it."""
        del self.contents[name]
        if content:
            self.contents[name] = content
