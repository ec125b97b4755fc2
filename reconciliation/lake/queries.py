"""The lake's side: which query gives the usage of each key and day, and what its rows say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from metering.calls.access_log import FIRST_ERROR_STATUS, MAX_BYTES, MAX_LATENCY_MS
from metering.calls.call import Call
from metering.calls.event_id import event_hash
from metering.calls.placement import REACH_MS
from metering.line_format.absent_number import Absent
from metering.period import Period, month_of
from metering.usage import NO_USAGE, Usage, total

USAGE_BY_KEY_AND_DAY: Final = "usage_by_key_and_day"
VERSION_OF_USAGE: Final = 2
"""Of the query by key and day, whose text invoices name. Former texts are kept by number, for months that
were sealed by them.
"""
USAGE_OF_SOUND_ROWS: Final = "usage_of_sound_rows"
"""The same, quicker, where no row's hash is another than that of its id."""
CALLS_OF_KEYS: Final = "calls_of_keys"
ALTERED_ROWS: Final = "altered_rows"
REPEATED_ROWS: Final = "repeated_rows"
DIFFERING_COPIES: Final = "differing_copies"
ROWS_OF_EVENTS: Final = "rows_of_events"
REPEATED_OBJECTS: Final = "repeated_objects"
MALFORMED_REASONS: Final = "malformed_reasons"
CALLS_BY_HOUR_AND_STATUS: Final = "calls_by_hour_and_status"
CALLS_BY_ENDPOINT: Final = "calls_by_endpoint"
EVENTS_BY_HOUR: Final = "events_by_hour"
PARTITIONS: Final = 7
"""The first parameters of a query: years, months and days of the partitions."""
KEYS_OF_A_QUERY: Final = 20
"""As many keys as the query of calls has places for."""
CALLS_OF_A_QUERY: Final = 200_000
"""The query of calls gives no more rows, and one more to say so."""
MARGIN: Final = timedelta(milliseconds=REACH_MS)
"""How far a call may lie from the day of its partition: see :mod:`metering.calls.placement`."""
_MONTHS_OF_A_QUERY: Final = 3
_MOST: Final = {"response_bytes": MAX_BYTES, "request_bytes": MAX_BYTES, "latency_ms": MAX_LATENCY_MS}
_PART: Final = re.compile(r"^( *)(.*)\{(\w+)\}", re.MULTILINE)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

NO_TIME: Final = "the row has no time"

Row = tuple[Any, ...]


class LakeUsage(msgspec.Struct, frozen=True, gc=False):
    """The usage of a key in a day (or month) as the lake has it."""

    key: str
    period: Period
    usage: Usage
    rows: int
    """Rows of the lake; more than the requests where events lie there more than once."""
    hours: int | None = None
    """The hours of the calls of a day, as one number: see :mod:`metering.proof.hours`. A month has none."""


@cache
def query_text(name: str) -> str:
    """The SQL of a query: the file of its name, with the parts that it names in braces. What several queries
    share is written in one part: between which times calls are read, and which copy of an event counts.
    """
    text = (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return _PART.sub(_with_part, text)


def usage_text(version: int = VERSION_OF_USAGE) -> str:
    """The SQL of the query by key and day, as a version of the meter wrote it."""
    former = "" if version == VERSION_OF_USAGE else f"_{version}"
    return query_text(f"{USAGE_BY_KEY_AND_DAY}{former}")


def _with_part(found: re.Match[str]) -> str:
    """A line with its part in place; the further lines of the part are indented as the first one is."""
    indent, before, part = found.groups()
    content = query_text(f"parts/{part}").rstrip("\n").replace("\n", f"\n{indent}")
    return f"{indent}{before}{content}"


def quoted(text: str) -> str:
    """A text as a parameter of Athena: it is a literal, and a quote in it is written twice.
    https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-execution-parameters.html
    """
    return "'" + text.replace("'", "''") + "'"


def between(start: datetime, end: datetime) -> tuple[str, ...]:
    """The parameters of a query for the calls from `start` until before `end`, at most a month later.

    Raises ValueError where the partitions would reach over more than three months.
    """
    first, last = start - MARGIN, end - timedelta(milliseconds=1) + MARGIN
    months = _months(first, last)
    if not start < end or len(months) > _MONTHS_OF_A_QUERY:
        raise ValueError(f"from {start} to {end} is not a span of at most a month")
    named = (months + months[-1:] * _MONTHS_OF_A_QUERY)[:_MONTHS_OF_A_QUERY]
    return (
        str(first.year),
        str(last.year),
        *(str(month) for month in named),
        f"{first:%Y%m%d}",
        f"{last:%Y%m%d}",
        _timestamp(start),
        _timestamp(end),
    )


def _months(first: datetime, last: datetime) -> list[int]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [(first.month - 1 + offset) % 12 + 1 for offset in range(count)]


def _timestamp(time: datetime) -> str:
    return f"'{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}'"


def read_days(rows: Iterable[Row]) -> Iterator[LakeUsage]:
    """The rows of the query by key and day."""
    for key, day, lake_rows, hours, *totals in rows:
        yield LakeUsage(key, Period(day.isoformat()), Usage(*totals), lake_rows, hours)


def usage_by_key(rows: Iterable[Row]) -> dict[str, Usage]:
    """The usage of each key on all days together, of the rows of the query by key and day."""
    found: dict[str, Usage] = {}
    for day in read_days(rows):
        found[day.key] = found.get(day.key, NO_USAGE) + day.usage
    return found


def with_months(days: Iterable[LakeUsage]) -> Iterator[list[LakeUsage]]:
    """Key by key: its month, then its days. They are of one month, and come in the order of key and day."""
    for key, group in groupby(days, key=attrgetter("key")):
        of_key = list(group)
        usage, rows = total(day.usage for day in of_key), sum(day.rows for day in of_key)
        yield [LakeUsage(key, month_of(of_key[0].period), usage, rows), *of_key]


class LakeCall(NamedTuple):
    """A row of the lake, as the call that it describes."""

    call: Call
    """Where the row has no hash, it has that of its id here."""
    object: str
    """Where it lies: `s3://...`."""
    cell_faults: tuple[str, ...] = ()
    """Cells that hold what the meter never writes, a phrase each."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What the meter never writes: cells, and a hash that is not that of the id."""
        event_id, hashed = self.call.event_id, self.call.event_hash
        if not event_id or hashed == event_hash(event_id):
            return self.cell_faults
        return (f"the row's id {event_id!r} does not have the hash {hashed} beside it", *self.cell_faults)

    @property
    def is_sound(self) -> bool:
        """Whether the meter could have written it."""
        return not self.faults

    @property
    def is_too_large(self) -> bool:
        """Whether the row says sizes or a latency that the meter never reads."""
        return any(not 0 <= (getattr(self.call, name) or 0) <= most for name, most in _MOST.items())

    @property
    def is_timeless(self) -> bool:
        """Whether the row says no time; the call's is 0 then."""
        return NO_TIME in self.cell_faults


def keys_named(keys: Sequence[str]) -> tuple[str, ...]:
    """The parameters that name up to twenty keys."""
    named = (*keys, *[keys[-1]] * (KEYS_OF_A_QUERY - len(keys)))
    return tuple(quoted(key) for key in named)


def read_calls(rows: Iterable[Row]) -> Iterator[LakeCall]:
    """The rows of the queries by call, which may hold anything."""
    for event_id, hashed, key, time, status, billable, response, request, latency, *more, place in rows:
        is_error = status is not None and status >= FIRST_ERROR_STATUS
        no_response_size, no_request_size, outcome = more
        name = event_id or ""
        known = None if hashed is None or hashed < 0 else hashed
        call = Call(
            name,
            (event_hash(name) if name else 0) if known is None else known,
            0 if time is None else epoch_ms(time),
            key,
            bool(billable),
            is_error,
            Absent.DASH if no_response_size else response or 0,
            Absent.DASH if no_request_size else request or 0,
            latency or 0,
        )
        unknown = (response if no_response_size else 0, request if no_request_size else 0)
        faults = (
            *((NO_TIME,) if time is None else ()),
            *_faults(call, known, billable, outcome),
            *_unknown_sizes(*unknown),
        )
        yield LakeCall(call, place, faults)


def _faults(call: Call, hashed: int | None, billable: object, outcome: str | None) -> Iterator[str]:
    """What of a row the meter never writes; the query of altered rows looks for the same."""
    if not call.event_id:
        yield "the row has no id"
    if hashed is None:
        yield "the row has no hash"
    if outcome != call.outcome:
        yield f"the row's outcome is {outcome or 'missing'}, and that of its key is {call.outcome}"
    if billable is None:
        yield "the row does not say whether it is billable"
    for name, most in _MOST.items():
        if not 0 <= (found := getattr(call, name) or 0) <= most:
            yield f"the row's {name} are {found}"


def _unknown_sizes(response: int | None, request: int | None) -> Iterator[str]:
    """Sizes that a row says though it says, too, that they are unknown; the query looks for these as well. A
    call of unknown size counts no bytes, and the sums of the lake would have them.
    """
    for name, size in (("response", response), ("request", request)):
        if size:
            yield f"the row's {name} size is unknown, and it says {size}"


def epoch_ms(time: datetime) -> int:
    """A time in epoch milliseconds."""
    return (time - _EPOCH) // timedelta(milliseconds=1)
