"""The months in which something holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from metering.period import Period

ALWAYS: Final = Period("0001-01")
"""Before any month that is billed."""


@dataclass(frozen=True, slots=True)
class Validity:
    """The months from `start` until before `end` (None: open)."""

    start: Period = ALWAYS
    end: Period | None = None

    @property
    def is_dated(self) -> bool:
        """Whether somebody wrote when it begins or ends."""
        return self != UNDATED

    def holds_in(self, month: Period) -> bool:
        """Whether the month is one of them."""
        return self.start <= month and (self.end is None or month < self.end)

    def within(self, other: Validity) -> Validity:
        """The months of both."""
        ends = [end for end in (self.end, other.end) if end is not None]
        return Validity(max(self.start, other.start), min(ends, default=None))

    def overlaps(self, other: Validity) -> bool:
        """Whether both hold in some month."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)


UNDATED: Final = Validity()
