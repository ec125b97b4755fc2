"""Single calls named: what of a key's day one side holds and the other does not. Pure.

Three witnesses are heard: the counter (totals, fingerprint, requests by hour), the lake's rows one by one,
and the log group's lines one by one where it still keeps them. With the log, each row is compared with its
line, and the counter with all lines. Without it, the rows stand for the calls, and arithmetic says what the
counter has beyond them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

import msgspec

from metering.calls.call import Call
from metering.calls.event_id import HASH_MASK, event_hash
from metering.line_format.absent_number import Absent
from metering.period import Period
from metering.proof.drift import beyond_unknown_sizes
from metering.proof.logged_call import LoggedCall
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution.subset_sum import hour_of_call, solve
from reconciliation.lake.queries import LakeCall


class SuspectKind(Enum):
    """What is wrong with a call, a row or a counter; why, another looks."""

    NOT_IN_LAKE = auto()
    NOT_COUNTED = auto()
    NEITHER = auto()
    TWICE = auto()
    FOREIGN = auto()
    ALTERED = auto()
    COUNTER = auto()
    COPY = auto()
    UNKNOWN = auto()


class Suspect(NamedTuple):
    """A call, a row or a counter of which something is wrong."""

    kind: SuspectKind
    key: str
    period: Period
    note: str
    call: Call | None = None
    logged_at_ms: int | None = None
    usage: Usage | None = None
    event_hash: int | None = None
    objects: tuple[str, ...] = ()

    @property
    def hashed(self) -> int | None:
        """The hash of the call, as far as it is known."""
        return self.event_hash if self.call is None else self.call.event_hash


class Evidence(NamedTuple):
    """What is known of a key's day."""

    key: str
    day: Period
    counted: Usage
    parts: Mapping[str, int]
    """Requests by hour, as they were counted."""
    rows: Sequence[LakeCall]
    """Each event once."""
    logged: Mapping[int, LoggedCall] | None
    """By event hash; None: the log no longer keeps the day."""
    counter_alone: bool = False
    """Whether the month's counter does not show the difference: then no call can be behind it."""


def explain(evidence: Evidence) -> list[Suspect]:
    """What is wrong on a key's day."""
    found, calls, suspects = _compared_rows(evidence)
    surplus = evidence.counted - total(call.usage for call in calls.values())
    if beyond_unknown_sizes(surplus) != NO_USAGE and evidence.counter_alone:
        return [*suspects, *found.missing(set()), *_of_one_counter(evidence, surplus, calls)]
    solution = solve(surplus, list(calls.values()), evidence.parts)
    absent = {call.event_hash for call in solution.absent}
    suspects += found.missing(absent)
    suspects += [
        _of_call(
            SuspectKind.NOT_COUNTED,
            evidence,
            call,
            "its row lies in the lake, and the counter lacks it",
            found,
        )
        for call in solution.absent
        if call.event_hash not in found.not_in_lake
    ]
    suspects += [
        _of_call(SuspectKind.TWICE, evidence, call, "the counter holds its fingerprint once too often", found)
        for call in solution.twice
    ]
    if (rest := beyond_unknown_sizes(solution.rest)) != NO_USAGE:
        suspects += _unexplained(evidence, rest)
    elif not absent and not solution.twice:
        suspects += _hours(evidence, calls.values(), suspects)
    return suspects


class _Found(NamedTuple):
    """Rows and lines, side by side."""

    evidence: Evidence
    by_hash: Mapping[int, LakeCall]
    not_in_lake: Mapping[int, LoggedCall]

    def missing(self, absent: set[int]) -> list[Suspect]:
        """The calls that were logged and do not lie in the lake; of these the counter lacks some."""
        return [
            Suspect(
                SuspectKind.NEITHER if hashed in absent else SuspectKind.NOT_IN_LAKE,
                self.evidence.key,
                self.evidence.day,
                "its line is in the log, and no row of it in the lake"
                + (" nor is it in the counter" if hashed in absent else ""),
                line.call,
                line.logged_at_ms,
            )
            for hashed, line in self.not_in_lake.items()
        ]


def _compared_rows(evidence: Evidence) -> tuple[_Found, dict[int, Call], list[Suspect]]:
    """The rows compared with the lines: what lacks a row, the calls as they truly are, and what is wrong."""
    rows = {row.call.event_hash: row for row in evidence.rows}
    if evidence.logged is None:
        wrong = [unsound(evidence.key, evidence.day, row, None) for row in evidence.rows if not row.is_sound]
        return _Found(evidence, rows, {}), _calls_of_rows(evidence), wrong
    matched: set[int] = set()
    suspects: list[Suspect] = []
    foreign: list[LakeCall] = []
    for row in sorted(evidence.rows, key=lambda row: not row.is_sound):
        line = _line_of(row, evidence.logged, matched)
        if not row.is_sound:
            suspects.append(unsound(evidence.key, evidence.day, row, line))
        elif line is None:
            foreign.append(row)
        elif differing := differing_names(line.call, row.call):
            suspects.append(_altered(evidence, row, line, differing))
        if line is not None:
            matched.add(line.call.event_hash)
    calls = {hashed: line.call for hashed, line in evidence.logged.items()}
    if foreign and _are_counted(evidence, foreign, calls.values()):
        calls |= {row.call.event_hash: row.call for row in foreign}
        foreign = []
    suspects += [_foreign(evidence, row) for row in foreign]
    missing = {hashed: line for hashed, line in evidence.logged.items() if hashed not in matched}
    return _Found(evidence, rows, missing), calls, suspects


def _line_of(row: LakeCall, logged: Mapping[int, LoggedCall], matched: set[int]) -> LoggedCall | None:
    """The line of a row: by its hash or id; of one that lost both, a line of a call like it without a row."""
    if row.is_sound or row.call.event_hash in logged:
        return logged.get(row.call.event_hash)
    if (line := logged.get(event_hash(row.call.event_id))) is not None:
        return line
    like = (line for hashed, line in logged.items() if hashed not in matched)
    return next((line for line in like if not differing_names(line.call, row.call)), None)


def _calls_of_rows(evidence: Evidence) -> dict[int, Call]:
    """The calls that the rows stand for, each once. An altered row may have another's hash, or none: if the
    counter's fingerprint is that of the ids, they are right.
    """
    sound = [row.call for row in evidence.rows if row.is_sound]
    altered = [row.call for row in evidence.rows if not row.is_sound]
    by_id = [
        msgspec.structs.replace(call, event_hash=event_hash(call.event_id)) if call.event_id else call
        for call in altered
    ]
    counted = evidence.counted.fingerprint
    if counted == sum({call.event_hash: call.event_hash for call in (*sound, *by_id)}.values()):
        altered = by_id
    calls = {call.event_hash: call for call in sound}
    for number, call in enumerate(altered, 1):
        calls.setdefault(call.event_hash or -number, call)
    return calls


def _are_counted(evidence: Evidence, foreign: Sequence[LakeCall], calls: Iterable[Call]) -> bool:
    """Whether the counter holds just these rows beyond the lines: two witnesses against the log."""
    surplus = evidence.counted - total(call.usage for call in calls)
    return beyond_unknown_sizes(surplus - total(row.call.usage for row in foreign)) == NO_USAGE


def differing_names(line: Call, row: Call) -> list[str]:
    """What two calls of one id say differently."""
    names = ("key", "time_ms", "billable", "is_error", "response_bytes", "request_bytes", "latency_ms")
    return [name for name in names if getattr(line, name) != getattr(row, name)]


def unsound(key: str, day: Period, row: LakeCall, line: LoggedCall | None) -> Suspect:
    """A row with what the meter never writes; `line` is what the log has of the call."""
    call = row.call if line is None else line.call
    note = "; ".join(row.faults)
    differing = [] if line is None else differing_names(line.call, row.call)
    if differing:
        note += f"; it says {_shown(row.call, call, differing)}"
    return Suspect(
        SuspectKind.ALTERED,
        key,
        day,
        note if line is None else f"{note}; the log has {line.call.event_id!r}",
        call,
        None if line is None else line.logged_at_ms,
        objects=(row.object,),
    )


def _altered(evidence: Evidence, row: LakeCall, line: LoggedCall, differing: Sequence[str]) -> Suspect:
    return Suspect(
        SuspectKind.ALTERED,
        evidence.key,
        evidence.day,
        f"the row says {_shown(row.call, line.call, differing)}",
        line.call,
        line.logged_at_ms,
        objects=(row.object,),
    )


def _shown(row: Call, line: Call, differing: Sequence[str]) -> str:
    return ", ".join(
        f"{name} {shown_value(getattr(row, name))} for {shown_value(getattr(line, name))}"
        for name in differing
    )


def shown_value(value: object) -> object:
    """A value of a call, as a sentence has it."""
    return "unknown" if value is Absent.DASH else value


def _foreign(evidence: Evidence, row: LakeCall) -> Suspect:
    note = "no line of it is in the log, and the counter lacks it"
    return Suspect(SuspectKind.FOREIGN, evidence.key, evidence.day, note, row.call, objects=(row.object,))


def _of_call(kind: SuspectKind, evidence: Evidence, call: Call, note: str, found: _Found) -> Suspect:
    row = found.by_hash.get(call.event_hash)
    line = (evidence.logged or {}).get(call.event_hash)
    return Suspect(
        kind,
        evidence.key,
        evidence.day,
        note,
        call,
        None if line is None else line.logged_at_ms,
        objects=() if row is None else (row.object,),
    )


def _counter(evidence: Evidence, surplus: Usage) -> Suspect:
    note = "the day's counter moved without a call's fingerprint"
    if evidence.counter_alone:
        note = "the day's counter differs, and the month's agrees"
    return Suspect(SuspectKind.COUNTER, evidence.key, evidence.day, note, usage=surplus)


def _of_one_counter(evidence: Evidence, surplus: Usage, calls: Mapping[int, Call]) -> list[Suspect]:
    """What a day's counter has, and neither its month's nor the lake. It was edited; but without the log it
    may have calls whose batch was given up midway, and that the lake has lost.
    """
    if evidence.logged is not None or not may_be_calls(surplus, calls.values()):
        return [_counter(evidence, surplus)]
    return [unlogged(evidence.key, evidence.day, surplus, "in the day's counter alone")]


def may_be_calls(surplus: Usage, rows: Iterable[Call]) -> bool:
    """Whether what one of two counters has beyond the rows may be calls of which there is no row: not a
    number without a fingerprint, nor a call that the counter holds twice.
    """
    if surplus.requests <= 0 or surplus.fingerprint == 0:
        return False
    solution = solve(surplus, list(rows), {})
    return not solution.twice or beyond_unknown_sizes(solution.rest) != NO_USAGE


def unlogged(key: str, period: Period, surplus: Usage, where: str) -> Suspect:
    """Calls that one counter has and no row, where no log says whether they were made. A single one is looked
    for by its hash.
    """
    if surplus.requests == 1 and 0 < surplus.fingerprint <= HASH_MASK:
        note = f"{where}, and no row of it in the lake; known by its hash, for no line of it was read"
        return Suspect(
            SuspectKind.NOT_IN_LAKE, key, period, note, usage=surplus, event_hash=surplus.fingerprint
        )
    note = f"{surplus.requests:+,} calls {where}, and no line of them was read"
    return Suspect(SuspectKind.UNKNOWN, key, period, note, usage=surplus)


def _unexplained(evidence: Evidence, rest: Usage) -> list[Suspect]:
    """What no known call explains."""
    if evidence.logged is not None or (rest.fingerprint == 0 and rest.requests):
        return [_counter(evidence, rest)]
    key, day = evidence.key, evidence.day
    if rest.fingerprint == 0:
        note = "both counters have other totals of the same calls than the rows: either side was changed"
        return [Suspect(SuspectKind.UNKNOWN, key, day, note, usage=rest)]
    if rest.requests == 1 and 0 < rest.fingerprint <= HASH_MASK:
        note = "counted, and no row of it in the lake; known by its hash, for the log no longer keeps it"
        return [Suspect(SuspectKind.NOT_IN_LAKE, key, day, note, usage=rest, event_hash=rest.fingerprint)]
    more = f"{rest.requests:+,} calls" if rest.requests else "as many calls"
    note = f"{more} and another fingerprint in the counter, and the log no longer keeps them"
    return [Suspect(SuspectKind.UNKNOWN, key, day, note, usage=rest)]


def _hours(evidence: Evidence, calls: Iterable[Call], suspects: Sequence[Suspect]) -> list[Suspect]:
    """The counter's hours against those of the calls."""
    true = Counter(hour_of_call(call) for call in calls)
    counted = {hour: number for hour, number in evidence.parts.items() if number}
    if counted == true:
        return []
    if evidence.logged is None and any(suspect.kind is SuspectKind.ALTERED for suspect in suspects):
        return []
    shown = ", ".join(
        f"{counted.get(hour, 0)} for {true[hour]} in hour {hour}"
        for hour in sorted({*counted, *true})
        if counted.get(hour, 0) != true[hour]
    )
    if evidence.logged is None and sum(counted.values()) == true.total():
        note = (
            f"the counter's hours hold {shown} of the rows: rows lie in other hours, or the hours were edited"
        )
        return [Suspect(SuspectKind.UNKNOWN, evidence.key, evidence.day, note)]
    return [
        Suspect(SuspectKind.COUNTER, evidence.key, evidence.day, f"its hours hold {shown}", usage=NO_USAGE)
    ]


def moved(suspects: Sequence[Suspect]) -> list[Suspect]:
    """The same suspects, where a row too many at one place and one missing at another are one altered row."""
    rows = [one for kind in _TOO_MANY for one in suspects if one.kind is kind]
    surplus = {one.hashed: one for one in rows}
    elsewhere = {one.hashed for one in suspects if one.kind is SuspectKind.NOT_IN_LAKE} & surplus.keys()
    result = []
    for one in suspects:
        if one.hashed not in elsewhere or one.kind not in (*_TOO_MANY, SuspectKind.NOT_IN_LAKE):
            result.append(one)
        elif one.kind is SuspectKind.NOT_IN_LAKE:
            result.append(_moved(one, surplus[one.hashed]))
    return result


_TOO_MANY: Final = (SuspectKind.FOREIGN, SuspectKind.NOT_COUNTED, SuspectKind.ALTERED)
"""What a row is that lies where its call was not made; of one that is several, the last."""


def _moved(missing: Suspect, row: Suspect) -> Suspect:
    """A call that is missing at one place and has its row at another: only its line tells which is right."""
    known = missing.logged_at_ms is not None or row.kind is SuspectKind.ALTERED
    note = f"its row lies under {row.key} on {row.period}"
    return missing._replace(
        kind=SuspectKind.ALTERED if known else SuspectKind.UNKNOWN,
        note=note if known else f"counted here, and {note}: either side was changed",
        objects=row.objects,
        call=missing.call or row.call,
    )
