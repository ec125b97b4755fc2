"""The lake of a simulated world: objects of rows, and the answers to the shipped queries over them.

The queries are known by their text. What each says in SQL is said here in Python; tests hold the two alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from metering.calls.event_id import event_hash
from metering.calls.lake_row import LakeRow, epoch_ms
from metering.outcome import MALFORMED_KEY, outcome_of_key
from metering.period import Period
from metering.proof.hours import EXPONENT
from metering.usage import Usage
from reconciliation.lake.queries import (
    ALTERED_ROWS,
    CALLS_OF_KEYS,
    DIFFERING_COPIES,
    PARTITIONS,
    REPEATED_OBJECTS,
    REPEATED_ROWS,
    ROWS_OF_EVENTS,
    USAGE_BY_KEY_AND_DAY,
    USAGE_OF_SOUND_ROWS,
    query_text,
)
from reconciliation.lake.row_digests import OBJECTS_OF_ROWS, ROW_DIGESTS
from reconciliation.repair.repairer import HOURS_OF_KEYS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPAN: Final = 9
"""The first parameters of every query: partitions, and times."""
_KEYS: Final = 20
_FIRST_ERROR: Final = 400

Row = tuple[Any, ...]


class StoredRow(NamedTuple):
    """A row of an object."""

    row: LakeRow
    object: str
    day: int
    """Of its partition: yyyymmdd."""
    number: int
    """In its object."""

    @property
    def time(self) -> datetime:
        """The call's own."""
        return _time(self.row.eventtime)

    @property
    def key(self) -> str:
        """As the queries show it."""
        return self.row.apikeyid or "-"

    @property
    def counters(self) -> tuple[tuple[str, Period], tuple[str, Period]]:
        """Its month and its day, by what the row says."""
        return (self.key, Period(self.row.eventtime[:7])), (self.key, Period(self.row.eventtime[:10]))

    @property
    def usage(self) -> Usage:
        """What it adds to the lake's figure."""
        return Usage(*_sums([self]))

    @property
    def order(self) -> tuple[tuple[bool, Any], ...]:
        """Which copy of an event counts: what is absent comes last."""
        row = self.row
        values = (
            *(row.eventtime, row.apikeyid, row.status, row.billable),
            *(row.responsesize, row.requestsize, row.responselatency, row.eventhash),
            *(row.responsesizeknown, row.requestsizeknown),
        )
        return tuple((value is None, value if value is not None else 0) for value in values)


class SimulatedAnswer(NamedTuple):
    """The port `QueryResult`."""

    query_id: str
    sql: str
    parameters: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    scanned_bytes: int = 0
    milliseconds: int = 0


class SimulatedLake:
    """The port `Queries`, over objects that can be lost and altered."""

    def __init__(self) -> None:
        self.objects: dict[str, list[StoredRow]] = {}
        self._answers: dict[tuple[str, str, tuple[str, ...]], SimulatedAnswer] = {}
        self._queries: dict[str, Callable[[list[StoredRow], Sequence[str]], list[Row]]] = {
            query_text(USAGE_BY_KEY_AND_DAY): lambda rows, _: _usage(_firsts(rows), rows),
            query_text(USAGE_OF_SOUND_ROWS): lambda rows, _: _usage(_sound_firsts(rows), rows),
            query_text(ALTERED_ROWS): lambda rows, _: _altered(rows),
            query_text(CALLS_OF_KEYS): _calls,
            query_text(DIFFERING_COPIES): lambda rows, _: _differing(rows),
            query_text(HOURS_OF_KEYS): _hours,
            query_text(REPEATED_OBJECTS): lambda rows, _: _repeated_objects(rows),
            query_text(REPEATED_ROWS): lambda rows, _: _repeated_rows(rows),
            query_text(ROW_DIGESTS): lambda rows, _: _digests(rows),
            query_text(OBJECTS_OF_ROWS): lambda rows, _: sorted(Counter(row.object for row in rows).items()),
        }

    def write(self, day: Period, name: str, rows: Sequence[LakeRow]) -> int:
        """The port `Lake` of a redrive: an object of this name, in place of any that has it."""
        partition = int(day.replace("-", ""))
        place = f"s3://lake/{day}/{name}"
        self.objects[place] = [StoredRow(row, place, partition, number) for number, row in enumerate(rows)]
        return len(rows)

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> SimulatedAnswer:
        """A query. The same one under the same id is run once, as by Athena."""
        asked = (run_id, sql, tuple(parameters))
        if asked not in self._answers:
            if (events := _events_named(sql)) is not None:
                found = _of_events(self._of_partitions(parameters), events)
            else:
                found = self._queries[sql](self._between(parameters[:_SPAN]), parameters[_SPAN:])
            self._answers[asked] = SimulatedAnswer(
                f"query-{len(self._answers)}", sql, asked[2], lambda: iter(found)
            )
        return self._answers[asked]

    def _between(self, span: Sequence[str]) -> list[StoredRow]:
        start, end = (
            datetime.fromisoformat(text.strip("'")).replace(tzinfo=UTC) for text in span[PARTITIONS:]
        )
        return [row for row in self._of_partitions(span) if start <= row.time < end]

    def _of_partitions(self, span: Sequence[str]) -> Iterator[StoredRow]:
        first, last = int(span[PARTITIONS - 2]), int(span[PARTITIONS - 1])
        rows = (row for rows in self.objects.values() for row in rows)
        return (row for row in rows if first <= row.day <= last)


@lru_cache(maxsize=4096)
def _time(text: str) -> datetime:
    return _EPOCH + timedelta(milliseconds=epoch_ms(text))


def _events_named(sql: str) -> frozenset[int] | None:
    """The hashes in the query of the rows of events; None where it is another one."""
    start, _, rest = query_text(ROWS_OF_EVENTS).partition("-1")
    if not (sql.startswith(start) and sql.endswith(rest)):
        return None
    return frozenset(map(int, sql.removeprefix(start).removesuffix(rest).split(", ")))


def _of_events(rows: Iterable[StoredRow], hashes: frozenset[int]) -> list[Row]:
    found = [row for row in rows if row.row.eventhash in hashes]
    return [
        _call(one)
        for one in sorted(
            found, key=lambda one: (one.row.eventhash, one.time, one.key, one.object, one.order)
        )
    ]


def _differing(rows: Iterable[StoredRow]) -> list[Row]:
    copies: dict[str, list[StoredRow]] = {}
    for row in rows:
        if row.row.eventid:
            copies.setdefault(row.row.eventid, []).append(row)
    return [
        _call(one)
        for _, of_event in sorted(copies.items())
        if len({(one.order, one.row.outcome) for one in of_event}) > 1
        for one in sorted(of_event, key=lambda one: (one.order, one.row.outcome, one.object))
    ]


def _firsts(rows: Iterable[StoredRow]) -> list[StoredRow]:
    """Each event once."""
    copies: dict[str, list[StoredRow]] = {}
    for row in rows:
        copies.setdefault(row.row.eventid, []).append(row)
    return [
        min(of_event, key=lambda one: (one.order, one.object, one.number)) for of_event in copies.values()
    ]


def _sound_firsts(rows: Iterable[StoredRow]) -> list[StoredRow]:
    """The same, where rows whose hash occurs once are events of their own."""
    rows = list(rows)
    marks = Counter(row.row.eventhash for row in rows)
    once = [row for row in rows if marks[row.row.eventhash] == 1]
    return once + _firsts(row for row in rows if marks[row.row.eventhash] > 1)


def _usage(firsts: Sequence[StoredRow], rows: Sequence[StoredRow]) -> list[Row]:
    all_rows = Counter((row.key, row.time.date()) for row in rows)
    days: defaultdict[tuple[str, Any], list[StoredRow]] = defaultdict(list)
    for row in firsts:
        days[row.key, row.time.date()].append(row)
    return [
        (
            *place,
            all_rows[place],
            sum((one.time.hour + 1) ** EXPONENT for one in days[place]),
            *_sums(days[place]),
        )
        for place in sorted(all_rows)
    ]


def _sums(rows: Sequence[StoredRow]) -> tuple[int, ...]:
    """The totals, in the order in which counters hold them."""
    found = [one.row for one in rows]
    return (
        len(found),
        sum(bool(row.billable) for row in found),
        sum(row.status is not None and row.status >= _FIRST_ERROR for row in found),
        sum(row.responsesize or 0 for row in found),
        sum(row.requestsize or 0 for row in found),
        sum(row.responselatency or 0 for row in found),
        sum(row.eventhash for row in found),
        sum(_is_unknown(row.responsesize, row.responsesizeknown) for row in found),
        sum(_is_unknown(row.requestsize, row.requestsizeknown) for row in found),
    )


def _is_unknown(size: int | None, is_known: object) -> bool:
    """Rows of long ago do not say whether a size is known: of these it is where there is one."""
    return size is None if is_known is None else not is_known


def _call(one: StoredRow) -> Row:
    row = one.row
    sizes = (row.responsesize, row.requestsize, row.responselatency)
    unknown = (
        _is_unknown(row.responsesize, row.responsesizeknown),
        _is_unknown(row.requestsize, row.requestsizeknown),
    )
    head = (row.eventid, row.eventhash, one.key, one.time, row.status, row.billable)
    return (*head, *sizes, *unknown, row.outcome, one.object)


def _altered(rows: Iterable[StoredRow]) -> list[Row]:
    found = [
        row
        for row in rows
        if row.row.eventhash != event_hash(row.row.eventid)
        or row.row.outcome != outcome_of_key(row.key)
        or (row.row.responsesize and row.row.responsesizeknown is False)
        or (row.row.requestsize and row.row.requestsizeknown is False)
    ]
    ordered = sorted(found, key=lambda one: (one.key, one.time, one.row.eventid, one.object, one.order))
    return [_call(one) for one in ordered]


def _calls(rows: Iterable[StoredRow], keys: Sequence[str]) -> list[Row]:
    wanted = {_unquoted(key) for key in keys[:_KEYS]}
    found = [row for row in _firsts(rows) if row.key in wanted]
    return [_call(one) for one in sorted(found, key=lambda one: (one.key, one.time, one.row.eventid))]


def _hours(rows: Iterable[StoredRow], key: Sequence[str]) -> list[Row]:
    wanted = _unquoted(key[0])
    hours: defaultdict[tuple[str, datetime], list[StoredRow]] = defaultdict(list)
    for row in _firsts(rows):
        if wanted in ("", row.key):
            hours[row.key, row.time.replace(minute=0, second=0, microsecond=0)].append(row)
    return [(*place, *_sums(hours[place])) for place in sorted(hours)]


def _repeats(rows: Iterable[StoredRow]) -> list[tuple[StoredRow, str]]:
    """Rows of events that an object which comes first by its name holds too, with that object."""
    copies: dict[str, list[StoredRow]] = {}
    for row in rows:
        copies.setdefault(row.row.eventid, []).append(row)
    found = []
    for of_event in copies.values():
        first, *others = sorted(of_event, key=lambda one: (one.object, one.order))
        found += [(one, first.object) for one in others]
    return found


def _repeated_objects(rows: Iterable[StoredRow]) -> list[Row]:
    counts = Counter((row.object, first) for row, first in _repeats(rows))
    return [(*place, count) for place, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def _repeated_rows(rows: Iterable[StoredRow]) -> list[Row]:
    found = [(row.row.eventid, row.key, row.time, row.object, first) for row, first in _repeats(rows)]
    return sorted(found, key=lambda one: (one[1], one[2], one[0], one[3]))


def _digests(rows: Sequence[StoredRow]) -> list[Row]:
    """The rows of each day that are billed, with a digest of them, which is not the one of the SQL."""
    all_rows = Counter(row.time.date() for row in rows)
    days: defaultdict[object, list[LakeRow]] = defaultdict(list)
    for one in _firsts(rows):
        if one.key != MALFORMED_KEY:
            days[one.time.date()].append(one.row)
    found = []
    for day, count in sorted(all_rows.items()):
        hashes = sorted(row.eventhash for row in days[day])
        digest = sha256(repr(hashes).encode()).hexdigest()
        found.append((day, count, len(hashes), sum(hashes), digest))
    return found


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")
