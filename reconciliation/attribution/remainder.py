"""What the suspects of a day leave unexplained. Pure.

A repair brings a day to the lake's figure as a whole. So the calls and counters that are named must come to
the whole difference: whatever is left over would be followed with them, though nobody knows what it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from metering.period import Period
from metering.proof.drift import Difference, beyond_unknown_sizes
from metering.usage import NO_USAGE, Usage
from reconciliation.attribution.attribution import Suspect, SuspectKind

_COUNTED: Final = frozenset({SuspectKind.NOT_COUNTED, SuspectKind.TWICE, SuspectKind.COUNTER})
_CERTAIN: Final = frozenset({*_COUNTED, SuspectKind.NEITHER})
"""Kinds that say nothing against the lake's figure of their day; a call on neither side is no difference."""


def with_remainders(
    differences: Iterable[Difference], named: Sequence[Suspect], suspects: Sequence[Suspect]
) -> list[Suspect]:
    """The same suspects, and what they leave unexplained of each differing day that was looked into.

    `named` are the suspects before rows were joined with the calls that are missing elsewhere: such a row is
    named at its call's place alone, unless something else of its day would be repaired.
    """
    places = _by_place(suspects)
    kept = set(map(id, suspects))
    joined = _by_place(
        one for one in named if id(one) not in kept and one.kind is not SuspectKind.NOT_IN_LAKE
    )
    found = list(suspects)
    for one in differences:
        place = one.key, one.period
        found += _left(one, places[place], joined[place])
    return found


def _by_place(suspects: Iterable[Suspect]) -> defaultdict[tuple[str, Period], list[Suspect]]:
    places: defaultdict[tuple[str, Period], list[Suspect]] = defaultdict(list)
    for one in suspects:
        places[one.key, one.period].append(one)
    return places


def _left(
    difference: Difference, suspects: Sequence[Suspect], joined: Sequence[Suspect]
) -> Iterator[Suspect]:
    if any(one.kind not in _CERTAIN for one in suspects):
        return
    if joined:
        yield from (_elsewhere(row) for row in joined if suspects)
        return
    rest = difference.surplus
    for one in suspects:
        rest -= _surplus(one)
    if (rest := beyond_unknown_sizes(rest)) != NO_USAGE:
        note = "what was found is not all that differs: the rows were read otherwise, or changed meanwhile"
        yield Suspect(SuspectKind.UNKNOWN, difference.key, difference.period, note, usage=rest)


def _surplus(one: Suspect) -> Usage:
    """What a suspect puts into the counter beyond the lake."""
    usage = one.usage if one.call is None else one.call.usage
    if usage is None or one.kind not in _COUNTED:
        return NO_USAGE
    return NO_USAGE - usage if one.kind is SuspectKind.NOT_COUNTED else usage


def _elsewhere(row: Suspect) -> Suspect:
    """A row whose call was counted elsewhere: with the log, that is right; without, either side may be."""
    known = row.logged_at_ms is not None or row.kind is not SuspectKind.NOT_COUNTED
    return row._replace(
        kind=SuspectKind.ALTERED if known else SuspectKind.UNKNOWN,
        note="its call was counted under another key or on another day",
    )
