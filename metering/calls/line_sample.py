"""A sample of log lines, by what becomes of them: what is counted, what is not, why, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.access_log import AccessLogLine, Reading, read_event, read_line, time_of
from metering.calls.delivery import LogEvent
from metering.calls.notes import Doubt, Reason, explained
from metering.errors import Malformed
from metering.outcome import UNATTRIBUTED_KEY

_FORMAT_CHECK: Final = "`usage-meter format check FORMAT` prints the extension of yours that is metered fully"
_JSON_FORMAT: Final = f"set the stage's access-log format to JSON: {_FORMAT_CHECK}"
_EXECUTION_LOG: Final = re.compile(r"Extended Request Id: |\([0-9A-Za-z=_/+-]{8,40}\) [A-Z]")
_SECOND_MS: Final = 1000
_FIRST_DAY_MS: Final = 1_436_400_000_000
"""2015-07-09, on which API Gateway began: no line is older."""
_LAST_DAY_MS: Final = 4_102_444_800_000


class Counts(Enum):
    """Whether the lines of a kind are counted."""

    FULLY = "counted"
    FOR_NOBODY = "counted under no key"
    """As their format names no key, no customer is billed for them."""
    NOT = "not counted"


@dataclass(frozen=True, slots=True)
class LineKind:
    """What becomes of a line, and what to do about it."""

    name: str
    counts: Counts
    meaning: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class LineGroup:
    """The lines of a kind."""

    kind: LineKind
    count: int
    example: str
    """The first of them."""
    explanation: str
    """What is wrong with the example, with the value that is wrong."""


class SampledLine(NamedTuple):
    """A line, and when it was logged if that is known."""

    text: str
    logged_at_ms: int | None = None


COUNTED: Final = LineKind("counted", Counts.FULLY, "a call, counted under its key")
NO_KEY: Final = LineKind(
    "no_key",
    Counts.FULLY,
    f"a call without a key, as of a public method: it counts under {UNATTRIBUTED_KEY!r}, and is not billed",
    "if its caller has a key, let the method require one (REST) or an authorizer give one",
)
NO_KEY_FIELD: Final = LineKind(
    "no_key_field",
    Counts.FOR_NOBODY,
    f"a call whose line has no field for a key: it counts under {UNATTRIBUTED_KEY!r}, and is not billed",
    f"{_FORMAT_CHECK}; or name the field that has the key: --fields apiKeyId=NAME, in the stack FieldMap",
)
NO_OWN_ID: Final = LineKind(
    "no_own_id",
    Counts.FULLY,
    "a call without extendedRequestId: the id of its log event is used in its place, so that a line "
    "which is logged "
    "twice counts twice",
    f"add extendedRequestId: {_FORMAT_CHECK}",
)
REPEATED: Final = LineKind("repeated", Counts.FULLY, "a call that an earlier line has, too: it counts once")
EXECUTION_LOG: Final = LineKind(
    "execution_log",
    Counts.NOT,
    "a line of the execution log, which traces the steps of a call",
    "set an access log on the stage (Custom access logging) with a log group of its own",
)

DOUBTED: Final = {
    Doubt.BROKEN_TEXT: LineKind(
        "broken_text",
        Counts.FULLY,
        "a caller's text breaks the JSON: the call counts by the fields that are the gateway's",
        "nothing, where the format is one that the stack puts out; else take one of those",
    ),
    Doubt.REPEATED_FIELD: LineKind(
        "repeated_field",
        Counts.FULLY,
        "a counted field comes twice with different values, as where a caller writes fields: the gateway's "
        "own counts, where that can be determined",
        f"put the callers' texts first: {_FORMAT_CHECK}",
    ),
    Doubt.UNREADABLE_VALUE: LineKind(
        "unreadable_value",
        Counts.FULLY,
        "a length or a latency is not a number: the call counts, and the amount is unknown",
        "check that the field of that name in the stage's format has the variable of that name",
    ),
}
MALFORMED: Final = {
    Reason.NO_JSON: LineKind(
        "no_json",
        Counts.NOT,
        "no JSON, and of no other form that is known",
        "check that the format quotes every value, and that the line is complete",
    ),
    Reason.COMMON_LOG_FORMAT: LineKind(
        "common_log_format", Counts.NOT, "a line in the common log format (CLF)", _JSON_FORMAT
    ),
    Reason.XML: LineKind("xml", Counts.NOT, "XML", _JSON_FORMAT),
    Reason.CSV: LineKind("csv", Counts.NOT, "values with commas between them (CSV)", _JSON_FORMAT),
    Reason.PREFIXED: LineKind(
        "prefixed",
        Counts.NOT,
        "a line of JSON with something before it, as `aws logs tail` and exports to S3 write it",
        "of a file, take it off: sed 's/^[^{]*//' FILE. The log group does not have it: try --log-group NAME",
    ),
    Reason.NO_OBJECT: LineKind("no_object", Counts.NOT, "JSON, but not an object with fields", _JSON_FORMAT),
    Reason.NO_STATUS: LineKind(
        "no_status",
        Counts.NOT,
        "no field holds the status of the call",
        f"{_FORMAT_CHECK}; or name the field that has it: --fields status=NAME, in the stack FieldMap",
    ),
    Reason.BAD_STATUS: LineKind(
        "bad_status",
        Counts.NOT,
        "the status is not a number from 100 to 599",
        "check that the field status is $context.status",
    ),
    Reason.BAD_TIME: LineKind(
        "bad_time",
        Counts.NOT,
        "the call's time is no time",
        "check that requestTimeEpoch is $context.requestTimeEpoch",
    ),
    Reason.FAR_TIME: LineKind(
        "far_time",
        Counts.NOT,
        "the call's time is more than 24 h from the time at which its line was logged",
        "where lines were copied into the log group later, play their file: "
        "`usage-meter demo --access-log FILE` takes the lines' own time",
    ),
}


def groups_of(lines: Iterable[SampledLine], rule: BillingRule, now_ms: int) -> Sequence[LineGroup]:
    """The lines by kind: those that are not counted first, then the larger groups.

    A line of which it is not known when it was logged is taken to be logged at its own time, if an access log
    can have that; else at `now_ms`.
    """
    found: dict[LineKind, LineGroup] = {}
    seen: set[int] = set()
    for number, line in enumerate(lines):
        logged_at = _own_time(line.text, rule) if line.logged_at_ms is None else line.logged_at_ms
        event = LogEvent(f"line-{number}", now_ms if logged_at is None else logged_at, line.text)
        reading = read_event(event, rule)
        kind = _kind(line.text, reading)
        if kind.counts is not Counts.NOT and reading.call.event_hash in seen:
            kind = REPEATED
        seen.add(reading.call.event_hash)
        group = found.get(kind) or LineGroup(kind, 0, line.text, _explanation(line.text, reading, rule))
        found[kind] = LineGroup(kind, group.count + 1, group.example, group.explanation)
    return sorted(found.values(), key=lambda group: (_ORDER[group.kind.counts], -group.count))


_ORDER: Final = {Counts.NOT: 0, Counts.FOR_NOBODY: 1, Counts.FULLY: 2}


def _kind(text: str, reading: Reading) -> LineKind:
    line = reading.line
    if line is None:
        return EXECUTION_LOG if _EXECUTION_LOG.match(text) else MALFORMED[Reason(reading.notes[0])]
    if line.doubts:
        return DOUBTED[min(line.doubts)]
    if _lacks_key(line):
        return NO_KEY_FIELD
    if line.extended_request_id is None:
        return NO_OWN_ID
    return NO_KEY if reading.call.key == UNATTRIBUTED_KEY else COUNTED


def _lacks_key(line: AccessLogLine) -> bool:
    return line.fields.value("apiKeyId") is None and line.fields.value("authorizerKeyId") is None


def _explanation(text: str, reading: Reading, rule: BillingRule) -> str:
    """What the kind does not say yet."""
    if reading.line is not None or _EXECUTION_LOG.match(text):
        return ""
    if reading.notes[0] is Reason.PREFIXED:
        return _behind_prefix(text, rule)
    return "" if reading.explanation == explained(Reason(reading.notes[0])) else reading.explanation


def _behind_prefix(text: str, rule: BillingRule) -> str:
    try:
        read_line(text[text.index("{") :], rule.fields)
    except Malformed as error:
        return f"and the line after that prefix would not count either: {error}"
    return "and the line after that prefix would count"


def _own_time(text: str, rule: BillingRule) -> int | None:
    """The call's own time in milliseconds; None where it is none that an access log can have."""
    try:
        time = time_of(read_line(text, rule.fields).fields) or 0
    except Malformed:
        return None
    return next((ms for ms in (time, time * _SECOND_MS) if _FIRST_DAY_MS <= ms < _LAST_DAY_MS), None)
