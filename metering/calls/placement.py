"""How far a call may lie from where it is looked for. One number rules three things:

- **Tolerance.** A call's own time lies within `REACH_MS` of the time at which its line was logged, or the
  line is malformed.
- **Partition.** Firehose puts all rows of a delivery into one partition of a day: the day in the middle
  between its earliest and its latest call. A delivery whose calls lie more than twice `REACH_MS` apart has no
  such day; it goes under the error prefix, and `usage-meter redrive` brings each call to its own day.
- **Margin.** So no call lies more than `REACH_MS` from the day of its partition, and a query for a span of
  time reads the partitions of so much more on either side. It selects by the call's own time, so that each
  call is found by exactly one month.
"""

from __future__ import annotations

from typing import Final

REACH_MS: Final = 86_400_000


def middle_ms(earliest_ms: int, latest_ms: int) -> int | None:
    """A time in the day for calls between two times, in epoch milliseconds; None: they lie too far apart."""
    return None if latest_ms - earliest_ms > 2 * REACH_MS else (earliest_ms + latest_ms) // 2
