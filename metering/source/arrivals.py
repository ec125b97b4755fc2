"""What was forwarded into the stream against what arrived in the counters, log group by log group.

The stream processor counts the log events that each record brought, once, with the progress of its shard. A
*sample* is a reading of that: how many there were at a minute, and up to when everything that had arrived is
among them. Between two samples

- what was forwarded until the first of them was read may be in the first or in the second,
- what was forwarded after that, and before everything was read that is in the second, is in the second alone.

So the second has at least so many more than the first. Where it has not, the rest was forwarded and is not
counted: no delay explains it, however far counting is behind. A few minutes on both sides are left out, for
a metric whose minutes are not those of the stream.

What is lost between two samples and is less than what is forwarded in those minutes is not seen here: the
comparison with the lake names it, call by call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from metering.source.flow import TwoCounts
from metering.source.gap import Gap, Way

SLACK: Final = 5
"""Minutes by which the metric may be early or late."""
KEPT_SAMPLES: Final = 1_440
"""Minutes."""


class Arrived(NamedTuple):
    """What the shards have brought, of all time."""

    shards: Sequence[str]
    through: int | None
    """All that arrived before this minute since 1970 is among it; None: that is not known."""
    events: Mapping[str, int]
    """Log events by log group."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """A reading at a minute since 1970. Of groups that were there at the reading before, too: the first may
    have been made while the counting of them had begun in some shards only.
    """

    minute: int
    through: int
    events: dict[str, int]


class ArrivalReadings(msgspec.Struct, frozen=True):
    """The readings of a day, and what the last of them was made of."""

    samples: tuple[Sample, ...] = ()
    shards: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class ArrivalDifference(NamedTuple):
    """What a look at a group found: a gap, or log events that were missing and came."""

    group: str
    gap: Gap | None = None
    returned: int = 0


def with_reading(
    before: ArrivalReadings, arrived: Arrived | None, watched: Collection[str], now: int
) -> ArrivalReadings:
    """The readings with one more, of the groups that are watched: whoever puts records into the stream must
    not be able to fill them with names. None: the counters were restored, so that nothing before is
    comparable, as when a shard is gone, with what it had brought, or when there is less than before.
    """
    if arrived is None:
        return ArrivalReadings()
    kept = before.samples if _goes_on(before, arrived) else ()
    kept = tuple(one for one in kept if now - one.minute < KEPT_SAMPLES)
    if arrived.through is not None and arrived.through <= now:
        events = {group: arrived.events[group] for group in before.groups if group in arrived.events}
        kept = (*kept, Sample(now, arrived.through, events))
    groups = sorted(arrived.events.keys() & set(watched))
    return ArrivalReadings(kept, tuple(arrived.shards), tuple(groups))


def differences(arrivals: ArrivalReadings, forwarded: Mapping[str, TwoCounts]) -> Iterator[ArrivalDifference]:
    """What is missing, or came, of each group. `forwarded` has for each what was taken into the stream."""
    for group, counts in sorted(forwarded.items()):
        samples = [one for one in arrivals.samples if group in one.events and one.minute >= counts.start]
        found = _difference(group, samples, counts)
        if found.gap is not None or found.returned:
            yield found


def judged(arrivals: ArrivalReadings, found: Iterable[ArrivalDifference]) -> ArrivalReadings:
    """The readings after something was found: of those groups only the last one is compared again."""
    groups = {one.group for one in found}
    if not groups:
        return arrivals
    samples = [
        msgspec.structs.replace(
            one, events={group: count for group, count in one.events.items() if group not in groups}
        )
        for one in arrivals.samples[:-1]
    ]
    return msgspec.structs.replace(arrivals, samples=(*samples, *arrivals.samples[-1:]))


def _goes_on(before: ArrivalReadings, arrived: Arrived) -> bool:
    if not set(before.shards) <= set(arrived.shards):
        return False
    last = before.samples[-1].events if before.samples else {}
    return all(arrived.events.get(group, 0) >= count for group, count in last.items())


def _difference(group: str, samples: Sequence[Sample], counts: TwoCounts) -> ArrivalDifference:
    """The last sample against those before it."""
    if len(samples) < 2:
        return ArrivalDifference(group)
    total = [0.0, *accumulate(counts.taken)]

    def until(minute: int) -> float:
        return total[min(max(0, minute - counts.start), len(counts.taken))]

    *earlier, last = samples
    at_most = [until(one.minute + SLACK) - one.events[group] for one in earlier]
    at_least = [until(one.through - SLACK) - one.events[group] for one in earlier]
    missing = until(last.through - SLACK) - last.events[group] - min(at_most)
    returned = max(at_least) - (until(last.minute + SLACK) - last.events[group])
    if round(missing) > 0:
        begin = max(one.minute for one, most in zip(earlier, at_most, strict=True) if most <= min(at_most))
        return ArrivalDifference(
            group, Gap(Way.COUNTED, group, begin, max(begin + 1, last.through), round(missing))
        )
    return ArrivalDifference(group, returned=max(0, round(returned)))
