"""Where the lake may be followed: a repair looks at the causes of what differs, and not at the figures alone.

The lake is the other side of the comparison, not the truth. Where a finding says that the lake itself lacks,
altered or invented something, its figure would make a right counter wrong. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Final

import msgspec

from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, is_day
from metering.proof.correction import Correction
from reconciliation.model.causes import HARMLESS, Cause, Finding
from reconciliation.model.report import Report
from reconciliation.repair.scope import NotRepairableError, Scope

DOUBTFUL: Final = frozenset(
    {
        Cause.LATE,
        Cause.NOT_DELIVERED,
        Cause.WAITS,
        Cause.LOST_IN_LAKE,
        Cause.ROW_ALTERED,
        Cause.FOREIGN_ROW,
        Cause.DIFFERING_COPIES,
        Cause.UNREADABLE_OBJECT,
        Cause.UNREADABLE_COUNTER,
        Cause.UNKNOWN,
    }
)
"""Causes by which the lake's figure of a day is not what was called."""

NAMELESS: Final = "other calls of the day are missing in the lake, and no log says whose they are"
NOT_EXPLAINED: Final = "was not investigated: repair what is named, then compare again"


def doubts(report: Report) -> Mapping[tuple[str, Period], str]:
    """Why the lake is not followed, for each key and period that differs and is left alone.

    Calls that the lake lacks and nobody can name may be the ones that it has under another key. So nothing is
    believed of a day on which there are such calls. A finding that changes nothing that is counted explains
    no difference.
    """
    found: dict[tuple[str, Period], str] = {}
    explained: set[tuple[str, Period]] = set()
    for one in report.findings:
        if one.cause in HARMLESS:
            continue
        explained.add((one.key, one.period))
        if one.cause in DOUBTFUL and one.key != UNDECODABLE_KEY:
            found.setdefault((one.key, one.period), one.cause.value)
    nameless = {one.period for one in report.findings if _has_nameless_calls(one)}
    for difference in report.differences:
        if difference.period in nameless:
            found.setdefault((difference.key, difference.period), NAMELESS)
        place = (difference.key, difference.period)
        if is_day(difference.period) and place not in explained and difference.key != UNDECODABLE_KEY:
            found.setdefault(place, NOT_EXPLAINED)
    return found


def _has_nameless_calls(one: Finding) -> bool:
    """Whether a finding stands for other calls than the lake has, of which no row is known."""
    other_calls = one.usage is not None and one.usage.fingerprint != 0
    return one.cause is Cause.UNKNOWN and one.key != UNDECODABLE_KEY and one.event_id is None and other_calls


def followed(report: Report) -> Mapping[str, AbstractSet[Period]]:
    """The periods of each key that a report found different, and that may be brought to the lake's figure.

    A key's month follows from its days: it is among them unless all of the key's days are in doubt.
    """
    doubtful = doubts(report)
    differing = [(one.key, one.period) for one in report.differences]
    differing += [(one.key, one.period) for one in report.contradictions]
    differing += [
        (one.key, Period(f"{one.period}-{one.part}"))
        for one in report.contradictions
        if one.part and not is_day(one.period)
    ]
    found: dict[str, set[Period]] = {}
    for key, period in differing:
        if (key, period) not in doubtful:
            found.setdefault(key, set()).add(period)
    in_doubt = {key for key, _ in doubtful}
    return {
        key: periods
        for key, periods in found.items()
        if key not in in_doubt or any(is_day(period) for period in periods)
    }


def takes_away(one: Correction) -> bool:
    """Whether a correction takes something from a counter. Another fingerprint without a call more is a call
    swapped for another: one is taken away.
    """
    usage = msgspec.structs.asdict(one.usage)
    fingerprint = usage.pop("fingerprint")
    swapped = fingerprint != 0 and one.usage.requests == 0
    return swapped or any(amount < 0 for amount in (*usage.values(), *one.parts.values()))


def scope_of(report: Report, reason: str, lower: str = "") -> Scope:
    """What of a report can be repaired: the keys that differ or disagree with themselves, on the days that
    were compared and of which no finding doubts the lake.

    Raises:
        NotRepairableError: nothing was compared.
    """
    if report.refused or not report.is_settled:
        raise NotRepairableError(
            f"{report.month} is not complete: {'; '.join(report.missing)}. Repair it when it is"
        )
    places = followed(report)
    complete = datetime.max.replace(tzinfo=UTC) if report.compared_until is None else report.compared_until
    compared = {
        (one.key, one.period): one.counted for one in report.differences if one.key != UNDECODABLE_KEY
    }
    return Scope(
        report.month,
        report.run_id,
        reason,
        complete,
        places.keys(),
        followed=places,
        compared=compared,
        doubtful=doubts(report).keys(),
        lower=lower,
    )
