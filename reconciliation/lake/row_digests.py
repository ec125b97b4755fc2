"""The lake's rows of each day of a month, as one SHA-256 over all of their columns: each event once, without
malformed lines.

What a row is as a text, and in what order rows are, is said in sql/row_digests.sql and docs/audit.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from metering.period import Period, begins_at, ends_at
from metering.proof.month_state import DayDigest
from reconciliation.lake.queries import between, query_text, quoted
from reconciliation.ports import Queries

ROW_DIGESTS: Final = "row_digests"
OBJECTS_OF_ROWS: Final = "objects_of_rows"
MOST_LEFT_OUT: Final = 1_000
"""Objects that a query can leave out: Athena takes 262,144 characters of SQL."""
_NONE_LEFT_OUT: Final = "NOT IN ('')"


class MonthRows(NamedTuple):
    """The rows of a month."""

    days: Mapping[str, DayDigest]
    rows: int
    """As they lie in the lake: more than the events where these lie there more than once."""
    events: int
    fingerprint: int


def month_rows(queries: Queries, month: Period, run_id: str, left_out: Sequence[str] = ()) -> MonthRows:
    """The rows of a month, but for those in the objects that are left out.

    Raises:
        MeterError: the lake cannot be queried.
    """
    names = ", ".join(map(quoted, left_out)) or "''"
    sql = query_text(ROW_DIGESTS).replace(_NONE_LEFT_OUT, f"NOT IN ({names})")
    found = queries.run(sql, _of(month), run_id=run_id)
    days: dict[str, DayDigest] = {}
    rows = events = fingerprint = 0
    for day, in_lake, once, hashes, digest in found.rows():
        if once:
            days[day.isoformat()] = DayDigest(once, digest)
        rows, events, fingerprint = rows + in_lake, events + once, fingerprint + hashes
    return MonthRows(days, rows, events, fingerprint)


def objects_of_rows(queries: Queries, month: Period, run_id: str) -> dict[str, int]:
    """The lake's objects that hold rows of a month, with the number of these.

    Raises:
        MeterError: the lake cannot be queried.
    """
    found = queries.run(query_text(OBJECTS_OF_ROWS), _of(month), run_id=run_id)
    return {name: count for name, count in found.rows()}  # noqa: C416 - rows are of any length to a reader


def _of(month: Period) -> tuple[str, ...]:
    return between(begins_at(month), ends_at(month))
