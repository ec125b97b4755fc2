"""Two counts of the same events, minute by minute, and how far they are apart.

What was sent and is not taken yet is on its way: so much, that the rate times the delay gives it. What is
lost stays away for ever. The two are distinguished at two times, far enough from each other: what is on its
way then is known by the rate, and what is missing beyond that was lost in between.

A *level* is how much is away at a time: of half an hour of minutes, the one that a quarter of them are
below. So neither a delivery that is held for a while moves it, nor do points of a metric that come late.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import sqrt
from typing import Final, NamedTuple

WINDOW: Final = 30
"""Minutes of which a level is taken."""
SILENCE: Final = 20
"""Minutes without any event, before which a late point explains it."""
LATE: Final = 5
"""Minutes after which a point of a metric is there, as a rule: CloudWatch has most after two."""

_LONGEST_DELAY: Final = 2.0
"""Minutes. What stays away for longer is not taken for on its way."""


class TwoCounts(NamedTuple):
    """Counts of each minute from `start` on, in minutes since 1970; both are equally long."""

    start: int
    sent: Sequence[float]
    taken: Sequence[float]
    is_whole: bool = True
    """Whether `sent` has everything that is to be taken; else at least so much was sent."""

    @property
    def end(self) -> int:
        """The first minute that is not in it."""
        return self.start + len(self.sent)


class BalanceChange(NamedTuple):
    """What happened between two times."""

    missing: float
    """Sent and not taken, beyond what is on its way; negative: taken, of what was away before."""
    sent: float
    rate: float
    """Events a minute, in the busier of the two half hours."""

    @property
    def noise(self) -> float:
        """How much `missing` may be for no reason but delays that vary, in a unit that fits any rate: of few
        events each comes by chance, of many the delay itself varies.
        """
        return sqrt(self.rate / 60) + 0.3 * self.rate / 60


class Silence(NamedTuple):
    """What was sent since anything was taken."""

    begin: int
    """The first minute in which nothing was taken any more."""
    sent: float = 0.0


class _Level(NamedTuple):
    away: float
    rate: float


class Balance:
    """Two counts up to a minute."""

    def __init__(self, counts: TwoCounts, until: int) -> None:
        self._start, self.until = counts.start, until
        self._sent = counts.sent[: until - counts.start]
        self._taken = counts.taken[: until - counts.start]
        self._away = list(accumulate(map(float.__sub__, map(float, self._sent), map(float, self._taken))))
        ends = range(until, counts.start + WINDOW - 1, -WINDOW)
        self._levels = [self._level(minute) for minute in reversed(ends)]
        self._delay = _delay(self._levels)

    def change(self, since: int) -> BalanceChange:
        """What happened since a minute. The half hour before it has to be in the counts."""
        first, last = self._level(since), self._levels[-1]
        sent = sum(self._sent[since - self._start :])
        return BalanceChange(self._lost(last) - self._lost(first), sent, max(first.rate, last.rate))

    def fallen(self) -> BalanceChange:
        """What came after all, since the time when most was away. No loss does that: only delays do."""
        most, last = max(self._levels, key=self._lost), self._levels[-1]
        return BalanceChange(self._lost(last) - self._lost(most), 0, max(most.rate, last.rate))

    def onset(self, since: int, missing: float) -> int:
        """From when on it may be missing: the half hour before which little of it was."""
        before = self._lost(self._level(since))
        minute = self.until - WINDOW
        while minute > since and self._lost(self._level(minute)) - before > 0.1 * missing:
            minute -= WINDOW
        return max(since, minute - WINDOW)

    def silence(self, since: int) -> Silence:
        """The events that were sent since any was taken, and since a minute; none, unless any was taken a
        while ago.
        """
        end = len(self._sent)
        last = next((place for place in range(end - 1, -1, -1) if self._taken[place]), -1)
        begin = max(last + 1, since - self._start)
        return Silence(begin + self._start, sum(self._sent[begin:]) if end - last > SILENCE else 0.0)

    def _level(self, minute: int) -> _Level:
        last = minute - self._start
        away = sorted(self._away[last - WINDOW : last])[WINDOW // 4 + 1]
        return _Level(away, sum(self._sent[last - WINDOW : last]) / WINDOW)

    def _lost(self, level: _Level) -> float:
        return level.away - self._delay * level.rate


def _delay(levels: Sequence[_Level]) -> float:
    """The delay in minutes that explains best how what is away changes with the rate."""
    changes = [(two.away - one.away, two.rate - one.rate) for one, two in pairwise(levels)]
    squares = sum(rate * rate for _, rate in changes)
    together = sum(away * rate for away, rate in changes)
    return min(_LONGEST_DELAY, max(0.0, together / squares)) if squares else 0.0
