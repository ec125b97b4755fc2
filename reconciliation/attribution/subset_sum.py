"""Which calls make up a difference, by arithmetic alone. Pure.

A fingerprint is a sum of 63-bit hashes: that some three of a thousand calls have it by chance happens less
than once in 10^10 times. So a difference that is exactly the sum of some known calls is those calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, combinations
from typing import Final, NamedTuple

from metering.calls.call import Call
from metering.period import hour_at
from metering.usage import NO_USAGE, Usage, total

MOST_TRIPLES: Final = 600
"""So many calls are tried three by three, which is 180,000 pairs."""


class Solution(NamedTuple):
    """What a counter lacks, what it holds twice, and what none of it explains."""

    absent: list[Call]
    twice: list[Call]
    rest: Usage


def solve(surplus: Usage, calls: Sequence[Call], parts: Mapping[str, int]) -> Solution:
    """What a counter's surplus over these calls is made of; `parts` are its requests by hour."""
    if surplus == NO_USAGE or surplus.fingerprint == 0:
        return Solution([], [], surplus)
    absent = _absent(-surplus.requests, -surplus.fingerprint, calls, parts)
    if absent:
        return Solution(absent, [], surplus + total(call.usage for call in absent))
    by_hash = {call.event_hash: call for call in calls}
    if (call := by_hash.get(-surplus.fingerprint)) is not None:
        return Solution([call], [], surplus + call.usage)
    if (call := by_hash.get(surplus.fingerprint)) is not None:
        return Solution([], [call], surplus - call.usage)
    for call in calls:
        if (other := by_hash.get(surplus.fingerprint + call.event_hash)) is not None:
            return Solution([call], [other], surplus + call.usage - other.usage)
    return Solution([], [], surplus)


def hour_of_call(call: Call) -> str:
    """The hour of a call in its day, as a counter names it: `07`."""
    return hour_at(call.time_ms)[-2:]


def _absent(number: int, fingerprint: int, calls: Sequence[Call], parts: Mapping[str, int]) -> list[Call]:
    """The calls of that number and fingerprint, or none."""
    if not 0 < number <= len(calls):
        return []
    forced, open_calls = _by_hour(number, calls, parts)
    rest = fingerprint - sum(call.event_hash for call in forced)
    few = _few(number - len(forced), rest, open_calls)
    return [] if few is None else forced + few


def _by_hour(
    number: int, calls: Sequence[Call], parts: Mapping[str, int]
) -> tuple[list[Call], Sequence[Call]]:
    """The calls that must be absent because their hour has none, and those of the hours that lack some."""
    hours: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        hours[hour_of_call(call)].append(call)
    lacking = {hour: len(group) - parts.get(hour, 0) for hour, group in hours.items()}
    if min(lacking.values()) < 0 or sum(lacking.values()) != number:
        return [], calls
    forced = [call for hour, group in hours.items() if lacking[hour] == len(group) for call in group]
    open_calls = [call for hour, group in hours.items() if 0 < lacking[hour] < len(group) for call in group]
    return forced, open_calls


def _few(number: int, fingerprint: int, calls: Sequence[Call]) -> list[Call] | None:
    """So many of the calls, with that fingerprint; None if they are not found. One call is a run of one."""
    if number == 0:
        return [] if fingerprint == 0 else None
    run = _run(number, fingerprint, calls)
    if run is not None or number not in (2, 3):
        return run
    by_hash = {call.event_hash: call for call in calls}
    return (_pair if number == 2 else _triple)(fingerprint, calls, by_hash)


def _triple(fingerprint: int, calls: Sequence[Call], by_hash: Mapping[int, Call]) -> list[Call] | None:
    if len(calls) > MOST_TRIPLES:
        return None
    for first, second in combinations(calls, 2):
        third = by_hash.get(fingerprint - first.event_hash - second.event_hash)
        if third is not None and third is not first and third is not second:
            return [first, second, third]
    return None


def _pair(fingerprint: int, calls: Sequence[Call], by_hash: Mapping[int, Call]) -> list[Call] | None:
    for first in calls:
        second = by_hash.get(fingerprint - first.event_hash)
        if second is not None and second is not first:
            return [first, second]
    return None


def _run(number: int, fingerprint: int, calls: Sequence[Call]) -> list[Call] | None:
    """Calls that follow one another in time, as those of a lost batch do."""
    ordered = sorted(calls, key=lambda call: (call.time_ms, call.event_id))
    sums = [0, *accumulate(call.event_hash for call in ordered)]
    for end in range(number, len(sums)):
        if sums[end] - sums[end - number] == fingerprint:
            return ordered[end - number : end]
    return None
