"""Rows of the lake and lines of the log, read for an investigation as far as its budget goes.

Of the lake, days are read for some keys at a time, or for one key where those have more calls than are held;
the log is asked for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeVar

from metering.errors import MeterError
from metering.period import Period, begins_at, day_of, ends_at, hour_at, month_of
from metering.proof.logged_call import LoggedCall, TooManyLines
from metering.usage import Usage, total
from reconciliation.attribution.budget import Budget
from reconciliation.lake.queries import (
    CALLS_OF_A_QUERY,
    CALLS_OF_KEYS,
    PARTITIONS,
    ROWS_OF_EVENTS,
    LakeCall,
    between,
    keys_named,
    query_text,
    read_calls,
)
from reconciliation.ports import LogWitness, Queries, QueryResult

Found = TypeVar("Found")
OnQuery = Callable[[str, QueryResult, int], None]

_TIMES: Final = 2
"""The last parameters of a span: the times, after the partitions."""
_NONE: Final = "IN (-1)"
"""In a query by the hashes of events: the place of the hashes."""
_BEFORE: Final = timedelta(minutes=5)
_AFTER: Final = timedelta(hours=1)
_WIDEST: Final = timedelta(days=1)
"""A call's own time is at most so far from its log event's."""


class SpentError(Exception):
    """Something of the budget is spent; the text says what."""


class TooManyToHoldError(Exception):
    """Several keys have more calls than are held at a time. Each for itself may have less."""


class EvidenceReader:
    """Reads for one investigation. What reads raises SpentError once something of the budget is spent, and
    MeterError where a service fails.
    """

    def __init__(
        self, queries: Queries, log: LogWitness | None, on_query: OnQuery, run_id: str, *, budget: Budget
    ) -> None:
        """`on_query` is called after each query with the number of its rows."""
        self.ended = ""
        """Why nothing more is read; empty: the budget is not spent."""
        self._queries = queries
        self._run_id = run_id
        self._log = log
        self._on_query = on_query
        self._budget = budget

    @contextmanager
    def until_spent(self) -> Iterator[None]:
        """What is done here ends once the budget is spent. A service that fails ends it as well: the
        comparison, which needs nothing of this, is reported all the same.
        """
        try:
            yield
        except SpentError as spent:
            self.ended = str(spent)
        except MeterError as error:
            self.ended = f"it could not go on: {error}"

    def within_budget(self, look: Callable[[], Sequence[Found]]) -> list[Found]:
        """What is found, if it is found before the budget is spent."""
        found: list[Found] = []
        with self.until_spent():
            self.check()
            found += look()
        return found

    def check(self) -> None:
        """Raises SpentError once something of the budget is spent, and whenever that was so before."""
        if reason := self.ended or self._budget.exhausted():
            raise SpentError(reason)

    def check_time(self) -> None:
        """Raises SpentError once the time is over."""
        if self._budget.is_over():
            raise SpentError(self._budget.exhausted())

    def rows_of_totals(self, day: Period, totals: Mapping[str, Usage]) -> Mapping[str, list[LakeCall] | None]:
        """The rows of each key on a day; None: too many to name any. Where the partitions around the day hold
        other totals than the month's query found, those of the whole month are read.

        Raises:
            TooManyToHoldError: see there.
        """
        keys, span = list(totals), between(begins_at(day), ends_at(day))
        rows = self._rows(span, keys)
        if all(_total(rows[key], in_lake) == in_lake for key, in_lake in totals.items()):
            return rows
        month = month_of(day)
        partitions = between(begins_at(month), ends_at(month))[:-_TIMES]
        return self._rows((*partitions, *span[-_TIMES:]), keys)

    def rows(self, day: Period, key: str) -> list[LakeCall] | None:
        """The rows of a key in the partitions around a day; None: too many to name any."""
        return self._rows(between(begins_at(day), ends_at(day)), [key])[key]

    def rows_of_events(self, month: Period, hashes: Sequence[int]) -> list[LakeCall]:
        """The rows of some events, by their hashes, in the partitions of a month."""
        sql = query_text(ROWS_OF_EVENTS).replace(_NONE, f"IN ({', '.join(map(str, hashes))})")
        partitions = between(begins_at(month), ends_at(month))[:PARTITIONS]
        query = self._queries.run(sql, partitions, run_id=self._run_id)
        rows = list(read_calls(query.rows()))
        self._budget.spend(scanned_bytes=query.scanned_bytes, rows=len(rows))
        self._on_query(ROWS_OF_EVENTS, query, len(rows))
        return rows

    def lines(
        self, day: Period, keys: Sequence[str], *, is_wide: bool = False
    ) -> Mapping[str, dict[int, LoggedCall]] | None:
        """The log's lines of each key on a day, by event hash; None: it does not keep them. With `is_wide`
        those are searched for, too, that came as long before or after their call as any can.

        Raises:
            TooManyToHoldError: see there.
        """
        start, end = begins_at(day), ends_at(day)
        before, after = (_WIDEST, _WIDEST) if is_wide else (_BEFORE, _AFTER)
        if self._log is None or not self._log.holds(start, end):
            return None
        found: dict[str, dict[int, LoggedCall]] = {key: {} for key in keys}
        number = 0
        try:
            for number, line in enumerate(self._log.calls(keys, start - before, end + after), 1):
                if number > CALLS_OF_A_QUERY:
                    raise TooManyLines(f"more than {CALLS_OF_A_QUERY:,} lines of {day}")
                call = line.call
                if call.key in found and day_of(hour_at(call.time_ms)) == day:
                    found[call.key].setdefault(call.event_hash, line)
        except TooManyLines:
            if len(keys) > 1 and number > CALLS_OF_A_QUERY:
                raise TooManyToHoldError from None
            self.check()
            return None
        finally:
            self._budget.spend(rows=number)
        return found

    def _rows(self, span: Sequence[str], keys: Sequence[str]) -> Mapping[str, list[LakeCall] | None]:
        self.check()
        parameters = (*span, *keys_named(keys))
        query = self._queries.run(query_text(CALLS_OF_KEYS), parameters, run_id=self._run_id)
        self._budget.spend(scanned_bytes=query.scanned_bytes)
        found: dict[str, list[LakeCall]] = {key: [] for key in keys}
        number = 0
        for row in read_calls(query.rows()):
            number += 1
            found[row.call.key].append(row)
        self._budget.spend(rows=number)
        self._on_query(CALLS_OF_KEYS, query, number)
        if number <= CALLS_OF_A_QUERY:
            return found
        if len(keys) == 1:
            return {keys[0]: None}
        raise TooManyToHoldError


def _total(rows: Sequence[LakeCall] | None, otherwise: Usage) -> Usage:
    return otherwise if rows is None else total(row.call.usage for row in rows)
