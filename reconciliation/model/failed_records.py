"""How many records did not reach the lake: those that cannot be decoded at all, and those that only wait."""

from __future__ import annotations

import msgspec


class LostRecord(msgspec.Struct, frozen=True, array_like=True):
    """A record that cannot be decoded, or some of whose parts cannot."""

    arrived_at_ms: int
    undecodable: int
    """Itself, or the number of those parts."""
    identity: bytes
    """Equal for records with the same content that arrived in the same millisecond."""


class ErrorReading(msgspec.Struct, frozen=True, array_like=True):
    """What an object under the error prefix holds. It follows from the object's content alone."""

    lost: tuple[LostRecord, ...] = ()
    waiting: int = 0
    """Records that hold calls."""
    waiting_since_ms: int | None = None
    """When the first of these arrived."""
    is_unreadable: bool = False
    """Something in it is not what Firehose writes."""


class FailedRecords(msgspec.Struct):
    """What lies under the error prefix. A record that lies there twice cannot be distinguished from two
    records with the same content that arrived in the same millisecond: hence two figures.
    """

    at_least: int = 0
    """Records that arrived in the month and cannot be decoded, equal ones counted once."""
    at_most: int = 0
    """The same with every one counted."""
    waiting: int = 0
    """Records of any month that hold calls: the lake lacks them until they are redriven."""
    waiting_since_ms: int | None = None
    """When the first of these arrived, in epoch milliseconds."""
    objects: int = 0
    unreadable: list[str] = msgspec.field(default_factory=list)
    """Objects that are not what Firehose writes."""

    def add(self, name: str, reading: ErrorReading) -> None:
        """Add an object: what of it does not depend on the month."""
        self.objects += 1
        self.waiting += reading.waiting
        self.unreadable += [name] if reading.is_unreadable else []
        times = (self.waiting_since_ms, reading.waiting_since_ms)
        self.waiting_since_ms = min((time for time in times if time is not None), default=None)

    def nearest(self, counted: int) -> int:
        """The number of undecodable records, as near to what was counted as the two figures allow."""
        return max(self.at_least, min(counted, self.at_most))
