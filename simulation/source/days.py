"""Days of a log group: calls, log events, what is forwarded and what is counted of them, minute by minute.

Whatever is a nuisance to the watch is in it: nights with hardly a call, calls that are never logged, in
bursts, delays that vary, deliveries that come minutes late, and points of metrics that do; counting that is
behind for hours, deliveries that come twice, and shards that are gone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from metering.source.arrivals import Arrived
from metering.source.flow import TwoCounts
from metering.source.gap import Way
from metering.source.leg import LOOKED_BACK

DAY: Final = 1_440
FIRST: Final = 29_000_000 // DAY * DAY
"""The first minute of all days: a midnight in 2025."""

_LATE_DELIVERIES: Final = 0.001
_LATE_POINTS: Final = 0.02
_LATEST_POINT: Final = 10
_BURSTS: Final = 1 / 700
_TWICE: Final = 0.001
_OUTAGES: Final = 1 / 4_000
_RESHARDINGS: Final = 1 / 8_000
_CONNECTIONS: Final = 0.2
"""The share of a WebSocket API's lines that are of connections."""


@dataclass
class SourceDays:
    """What happened in each minute, from :data:`FIRST` on."""

    seed: int
    length: int
    called: list[int] = field(default_factory=list)
    logged: list[int] = field(default_factory=list)
    forwarded: list[int] = field(default_factory=list)
    late_points: list[tuple[int, int, int]] = field(default_factory=list)
    """How many minutes later than its own each point is there: of calls, log events, forwarded ones."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.rate = 10 ** self._random.uniform(-2, 2.8)
        """Calls a minute, on average."""
        self._swing = self._random.uniform(0, 0.95)
        self._delays = (self._random.uniform(1, 15), self._random.uniform(0.5, 5))
        """Seconds until a call is logged, and until a log event is forwarded."""
        self._unlogged = self._random.choice((0.0, 0.0, 0.001, 0.01, 0.03))
        self._draw()
        self._reader = random.Random(self.seed + 10**9)
        self.connected = [binomial(self._reader, calls, _CONNECTIONS) for calls in self.called]
        """Of the same calls, taken for those of a WebSocket API."""
        self.socket_logged = self.logged
        self.counted = self._arrivals()
        """Log events of the minute in which they reached the stream, but those that are never counted."""
        self.lags = list(self._lags())
        """By how many minutes counting is behind."""
        self.reshardings = [minute for minute in range(self.length) if self._reader.random() < _RESHARDINGS]

    def arrived(self, now: int) -> Arrived:
        """What the shards have brought, as it is read at a minute: all of what arrived up to some time, and
        some of what came later. A shard that was closed a day ago is gone, with what it had brought.
        """
        through = now - self.lags[now - 1]
        some = random.Random(self.seed * 1_000_003 + through).random()
        later = int(some * sum(self.counted[through : through + 1]))
        before = [number for number, minute in enumerate(self.reshardings) if now - minute > DAY]
        gone = sum(self.counted[: self.reshardings[before[-1]]]) if before else 0
        current = sum(minute < now for minute in self.reshardings)
        shards = tuple(f"shard-{number:02}" for number in range(len(before), current + 1))
        return Arrived(shards, FIRST + through, {GROUP: 1 + sum(self.counted[:through]) + later - gone})

    def _arrivals(self) -> list[int]:
        arrivals = [0] * (self.length + 3)
        for minute, events in enumerate(self.forwarded):
            next_minute = binomial(self._reader, events, self._reader.random())
            arrivals[minute] += events - next_minute
            arrivals[minute + 1] += next_minute
            if self._reader.random() < _TWICE:
                arrivals[minute + 2] += events
        return arrivals[: self.length]

    def _lags(self) -> Iterator[int]:
        """Counting stops now and then for hours, and catches up ten times as fast."""
        lag, stopped = 1, 0
        for minute in range(self.length):
            if not stopped and self._reader.random() < _OUTAGES:
                stopped = self._reader.randrange(10, 400)
            lag = lag + 1 if stopped else max(self._reader.randrange(1, 3), lag - 10)
            stopped = max(0, stopped - 1)
            yield min(lag, minute + 1)

    def seen(self, now: int) -> dict[tuple[Way, str], TwoCounts]:
        """The flows that metrics show at a minute, counted from the first."""
        begin = max(0, now - LOOKED_BACK)
        columns = [counts[begin:now] for counts in (self.called, self.logged, self.forwarded)]
        lines = self.socket_logged[begin:now]
        for minute in range(max(begin, now - _LATEST_POINT), now):
            for column, late in zip(columns, self.late_points[minute], strict=True):
                if minute + 1 + late > now:
                    column[minute - begin] = 0
            if minute + 1 + self.late_points[minute][1] > now:
                lines[minute - begin] = 0
        called, logged, forwarded = columns
        connected = self.connected[begin:now]
        return {
            (Way.LOGGED, GROUP): TwoCounts(FIRST + begin, called, logged),
            (Way.FORWARDED, GROUP): TwoCounts(FIRST + begin, logged, forwarded),
            (Way.LOGGED, SOCKETS): TwoCounts(FIRST + begin, connected, lines, is_whole=False),
        }

    def _draw(self) -> None:
        logs = _Delay(self._random, self._delays[0])
        forwards = _Delay(self._random, self._delays[1])
        burst = 0
        for minute in range(self.length):
            daily = 1 + self._swing * math.sin(2 * math.pi * minute / DAY)
            calls = poisson(self._random, self.rate * daily)
            burst = max(0, burst - 1)
            if not burst and self._random.random() < _BURSTS:
                burst = self._random.randrange(60)
            unlogged = binomial(self._random, calls, min(1.0, self._unlogged * (2.5 if burst else 0.5)))
            logged = logs.pass_through(calls - unlogged)
            self.called.append(calls)
            self.logged.append(logged)
            self.forwarded.append(forwards.pass_through(logged))
            self.late_points.append(self._lateness())

    def _lateness(self) -> tuple[int, int, int]:
        if self._random.random() < _LATE_POINTS:
            return self._lates(_LATEST_POINT)
        return self._lates(3)

    def _lates(self, most: int) -> tuple[int, int, int]:
        return self._random.randrange(most), self._random.randrange(most), self._random.randrange(most)


GROUP: Final = "access-log"
SOCKETS: Final = "access-log-of-websockets"


class _Delay:
    """Lets events through after some seconds, and now and then after minutes."""

    def __init__(self, drawn: random.Random, seconds: float) -> None:
        self._random = drawn
        self._seconds = seconds
        self._waiting = 0
        self._held = 0
        self._held_for = 0

    def pass_through(self, events: int) -> int:
        """The events that come out in a minute in which so many come in."""
        seconds = self._seconds * self._random.uniform(0.7, 1.3)
        stays = binomial(self._random, events, min(1.0, seconds / 60))
        out = self._waiting + events - stays
        self._waiting = stays
        return out - self._newly_held(out) + self._released()

    def _newly_held(self, out: int) -> int:
        if self._held or self._random.random() >= _LATE_DELIVERIES:
            return 0
        self._held, self._held_for = out, self._random.randrange(1, 8)
        return out

    def _released(self) -> int:
        if not self._held:
            return 0
        self._held_for -= 1
        if self._held_for >= 0:
            return 0
        held, self._held = self._held, 0
        return held


def poisson(drawn: random.Random, mean: float) -> int:
    """A number of events that come by themselves."""
    if mean > 50:
        return max(0, round(drawn.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, drawn.random()
    while product > limit:
        count += 1
        product *= drawn.random()
    return count


def binomial(drawn: random.Random, count: int, share: float) -> int:
    """How many of so many, each with a probability."""
    if not count or share <= 0:
        return 0
    mean, variance = count * share, count * share * (1 - share)
    if count > 50 and variance > 9:
        return min(count, max(0, round(drawn.gauss(mean, math.sqrt(variance)))))
    if count > 50:
        return min(count, poisson(drawn, mean))
    return sum(drawn.random() < share for _ in range(count))
