"""What the month's counter of a key has beyond its days: an edit, or calls that nobody else has.

A batch is written to a month and to its days, one after the other. Where it was given up in between, the
month alone has its calls; if the lake has lost them, they look like an edit, and are none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from metering.calls.call import Call
from metering.period import Period, is_month
from metering.proof.drift import beyond_unknown_sizes
from metering.proof.logged_call import LoggedCall
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution.attribution import Evidence, Suspect, SuspectKind, may_be_calls, unlogged
from reconciliation.attribution.evidence_reader import EvidenceReader
from reconciliation.attribution.subset_sum import solve
from reconciliation.model.contradictions import Contradiction

_WHERE: Final = "in the month's counter alone"


def with_calls(
    suspects: Iterable[Suspect], contradictions: Iterable[Contradiction], reader: EvidenceReader
) -> list[Suspect]:
    """The same suspects, where what a month's counter has beyond its days may be calls."""
    of_keys: dict[str, list[Contradiction]] = defaultdict(list)
    for one in contradictions:
        if is_month(one.period) and one.part:
            of_keys[one.key].append(one)
    found: list[Suspect] = []
    for suspect in suspects:
        if is_month(suspect.period) and suspect.kind is SuspectKind.COUNTER:
            found += _looked_into(suspect, of_keys[suspect.key], reader)
        else:
            found.append(suspect)
    return found


def _looked_into(edited: Suspect, days: Sequence[Contradiction], reader: EvidenceReader) -> list[Suspect]:
    more = sum(one.held - one.expected for one in days if one.held > one.expected)
    if not more or edited.usage is None or edited.usage.fingerprint == 0:
        return [edited]
    found = reader.within_budget(partial(_of_days, edited, days, more, reader))
    return found or [MonthAlone(edited, (), (), more).unknown()]


def _of_days(
    edited: Suspect, days: Sequence[Contradiction], requests: int, reader: EvidenceReader
) -> list[Suspect]:
    """What lake and log say of it; nothing where a day has too many rows."""
    more, less = list[Evidence](), list[Evidence]()
    for one in days:
        day = Period(f"{one.period}-{one.part}")
        rows = reader.rows(day, edited.key)
        if rows is None:
            return []
        lines = reader.lines(day, [edited.key], is_wide=True) if one.held > one.expected else None
        logged = None if lines is None else lines[edited.key]
        evidence = Evidence(edited.key, day, NO_USAGE, {}, rows, logged)
        (more if one.held > one.expected else less).append(evidence)
    return MonthAlone(edited, more, less, requests).suspects()


class MonthAlone(NamedTuple):
    """What a month's counter has beyond its days, and the days of which it has more requests than their own
    counters, or less.
    """

    edited: Suspect
    more: Sequence[Evidence]
    less: Sequence[Evidence]
    requests: int
    """How many it has more, of all these days."""

    def suspects(self) -> list[Suspect]:
        """It was edited, unless calls were counted in the month alone, when their batch was given up midway,
        and the lake has lost them.
        """
        rows = [row.call for one in self.more for row in one.rows]
        lines = self._lines(rows)
        for surplus in self._surpluses():
            if not may_be_calls(surplus, rows):
                return [self.edited]
            if lines is None:
                return [unlogged(self.edited.key, self.edited.period, surplus, _WHERE)]
            found = solve(NO_USAGE - surplus, [line.call for line in lines], {})
            if not found.twice and beyond_unknown_sizes(found.rest) == NO_USAGE:
                wanted = {call.event_hash for call in found.absent}
                return [self._lost(line) for line in lines if line.call.event_hash in wanted]
        return [self.edited] if lines == [] else [self.unknown()]

    def unknown(self) -> Suspect:
        """Nobody can say what it has more."""
        note = f"{self.requests:,} calls {_WHERE}, or it was edited"
        return self.edited._replace(kind=SuspectKind.UNKNOWN, note=note)

    def _surpluses(self) -> Iterator[Usage]:
        """What it has more, if it lacks nothing, or all calls of the days of which it has less."""
        usage = self.edited.usage or NO_USAGE
        lacking = total(row.call.usage for one in self.less for row in one.rows)
        return (one for one in (usage, usage + lacking) if one.requests == self.requests)

    def _lines(self, rows: Iterable[Call]) -> list[LoggedCall] | None:
        """The lines without a row; None: the log no longer keeps them."""
        known = {call.event_hash for call in rows}
        found: list[LoggedCall] = []
        for one in self.more:
            if one.logged is None:
                return None
            found += [line for hashed, line in one.logged.items() if hashed not in known]
        return found

    def _lost(self, line: LoggedCall) -> Suspect:
        note = f"its line is in the log, and no row of it in the lake; it is {_WHERE}"
        return self.edited._replace(
            kind=SuspectKind.NOT_IN_LAKE,
            note=note,
            call=line.call,
            logged_at_ms=line.logged_at_ms,
            usage=None,
        )
