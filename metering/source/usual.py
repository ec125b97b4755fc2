"""What is usual of a way: how much it varies, and what share of the calls is never logged.

Of each of the last 14 days the highest value is kept, and the third highest of them is what is usual. So
two bad days teach nothing; what stays for three days does, and by then it was reported. In the first week
it is taken for usual what is on most deployments, and whatever was seen.
"""

from __future__ import annotations

from typing import Final

import msgspec

DAYS: Final = 14
_SEEN_ON: Final = 3
_KNOWN_AFTER: Final = 7


class Usual(msgspec.Struct, frozen=True, array_like=True):
    """The highest value of each day, the latest last; in millionths, to be stored in few bytes."""

    day: int = 0
    """The latest, in days since 1970."""
    peaks: tuple[int, ...] = ()

    def value(self, until_known: float) -> float:
        """What is usual; `until_known` or more while there are too few days."""
        if len(self.peaks) < _KNOWN_AFTER:
            return max(until_known, *(peak / 1e6 for peak in self.peaks), 0.0)
        return sorted(self.peaks)[-_SEEN_ON] / 1e6

    def with_seen(self, value: float, day: int) -> Usual:
        """The same after a value was seen on a day, which is the latest or a new one."""
        seen = max(0, round(value * 1e6))
        if not self.peaks or day > self.day:
            return Usual(day, (*self.peaks, seen)[-DAYS:])
        return Usual(self.day, (*self.peaks[:-1], max(self.peaks[-1], seen)))
