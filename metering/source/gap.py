"""Gaps: calls that were made, or logged, and did not come as far as the stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

MOST_GAPS: Final = 200
"""Of a month. More are added to the last: their number is kept, and the time in which they fell."""
_JOINED: Final = 60
"""Minutes within which two gaps at one place are one."""


class Way(StrEnum):
    """A part of the way from API Gateway to the stream."""

    LOGGED = "logged"
    """From API Gateway's own count to the log group."""
    FORWARDED = "forwarded"
    """From the log group into the stream."""
    COUNTED = "counted"
    """From the stream into the counters."""


class Gap(msgspec.Struct, frozen=True):
    """Calls that are missing, in minutes since 1970: `begin` is the first that may be concerned, `end` the
    first that is not.
    """

    way: Way
    place: str
    """The log group."""
    begin: int
    end: int
    missing: int

    @property
    def sentence(self) -> str:
        """What is missing, where and when."""
        calls = f"{self.missing:,} {'call' if self.missing == 1 else 'calls'}"
        when = f"between {minute_text(self.begin)} and {minute_text(self.end)}"
        was = "was" if self.missing == 1 else "were"
        if self.way is Way.LOGGED:
            return f"{calls} that API Gateway counted {when} {was} not logged to {self.place}"
        if self.way is Way.COUNTED:
            return f"{calls} that {was} forwarded from {self.place} {when} {was} not counted"
        return f"{calls} that {was} logged to {self.place} {when} {was} not forwarded into the stream"


def minute_of(time: datetime) -> int:
    """A time in minutes since 1970."""
    return int(time.timestamp()) // 60


def time_of(minute: int) -> datetime:
    """A minute since 1970, in UTC."""
    return datetime.fromtimestamp(minute * 60, UTC)


def minute_text(minute: int) -> str:
    """The same as text."""
    return f"{time_of(minute):%Y-%m-%dT%H:%MZ}"


def with_gap(gaps: Sequence[Gap], new: Gap) -> tuple[Gap, ...]:
    """Gaps in the order in which they were found, with one more, joined to its predecessor if that has just
    ended.
    """
    for place in range(len(gaps) - 1, -1, -1):
        known = gaps[place]
        is_same = (known.way, known.place) == (new.way, new.place)
        if is_same and (new.begin - known.end <= _JOINED or len(gaps) >= MOST_GAPS):
            return (*gaps[:place], _joined(known, new), *gaps[place + 1 :])
    return (*gaps[: MOST_GAPS - 1], new) if len(gaps) < MOST_GAPS else (*gaps[:-1], _joined(gaps[-1], new))


def _joined(known: Gap, new: Gap) -> Gap:
    return msgspec.structs.replace(
        known,
        begin=min(known.begin, new.begin),
        end=max(known.end, new.end),
        missing=known.missing + new.missing,
    )


def with_return(gaps: Sequence[Gap], way: Way, place: str, came: int, allowed: int) -> tuple[Gap, ...]:
    """Gaps after so many events came late after all: the latest gaps there are smaller by them, or gone
    where no more are left than may be missing.
    """
    left: list[Gap] = []
    for gap in reversed(gaps):
        if (gap.way, gap.place) == (way, place) and came:
            taken = min(came, gap.missing)
            came -= taken
            if gap.missing - taken <= allowed:
                continue
            left.append(msgspec.structs.replace(gap, missing=gap.missing - taken))
        else:
            left.append(gap)
    return tuple(reversed(left))


def total_missing(gaps: Iterable[Gap]) -> int:
    """The calls of all of them."""
    return sum(gap.missing for gap in gaps)
