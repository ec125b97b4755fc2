"""Calls by endpoint and status, once a day: from the lake to pages that a look-up can read.

1. **Query** the calls of all keys between the beginning of the month and the time until which it was
   compared.
2. **Write** the pages of this run, under its own name.
3. **Point** to them: the index of the month is replaced on the condition that nobody has replaced it
   meanwhile. Who reads it never meets half a run.
4. **Remove** the pages of the run that the index named before.

Repeated under its id, a run writes the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Final, Protocol

import msgspec

from metering.bucket_layout import breakdown_index, breakdown_page
from metering.counters.breakdown import BreakdownIndex, EndpointCalls, KeyBreakdown, of_key, pages
from metering.outcome import RESERVED_MARK
from metering.period import Period, begins_at
from metering.proof.stored_object import Stored
from reconciliation.lake.queries import CALLS_BY_ENDPOINT, Row, between, query_text
from reconciliation.ports import Queries

_ALL: Final = ""


class BreakdownStore(Protocol):
    """Where breakdowns are kept. Transient and Misconfigured are the errors of all."""

    def get(self, key: str) -> Stored | None:
        """An object; None if there is none."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write an object, in place of any that has its name."""
        ...

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write an object, if there is none; whether it was written."""
        ...

    def put_if_unchanged(self, key: str, content: bytes, tag: str) -> bool:
        """Write an object anew, if it still has the version of that tag; whether it was written."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is gone is no error."""
        ...


class BreakdownPublisher:
    """Publishes the calls of a month by endpoint and status."""

    def __init__(self, queries: Queries, store: BreakdownStore) -> None:
        self._queries = queries
        self._store = store

    def publish(self, month: Period, until: datetime, *, run_id: str) -> BreakdownIndex | None:
        """Do the steps of the module's docstring for the calls before `until`; None where the month has not
        begun by then, or another run was quicker.

        Raises:
            MeterError: something could not be read or written; run it again.
        """
        if until <= begins_at(month):
            return None
        before = self._store.get(breakdown_index(month))
        rows = self._queries.run(  # 1
            query_text(CALLS_BY_ENDPOINT), between(begins_at(month), until), run_id=run_id
        ).rows()
        together: Counter[tuple[str, str, int]] = Counter()
        first_keys = []
        for number, page in enumerate(pages(_by_key(rows, together))):  # 2
            self._store.put(breakdown_page(month, run_id, number), msgspec.json.encode(page))
            first_keys.append(page.keys[0].key)
        total = of_key(_ALL, (EndpointCalls(*what, calls) for what, calls in together.items()))
        index = BreakdownIndex(month, run_id, until, tuple(first_keys), total)
        if not self._point(index, before):  # 3
            return None
        self._remove(before, index)  # 4
        return index

    def _point(self, index: BreakdownIndex, before: Stored | None) -> bool:
        name, content = breakdown_index(index.month), msgspec.json.encode(index)
        if before is None:
            return self._store.put_if_absent(name, content)
        return self._store.put_if_unchanged(name, content, before.tag)

    def _remove(self, before: Stored | None, index: BreakdownIndex) -> None:
        """The pages that nothing names any more."""
        if before is None:
            return
        former = msgspec.json.decode(before.content, type=BreakdownIndex)
        if former.run_id != index.run_id:
            for number in range(len(former.first_keys)):
                self._store.delete(breakdown_page(former.month, former.run_id, number))


def _by_key(rows: Iterable[Row], together: Counter[tuple[str, str, int]]) -> Iterator[KeyBreakdown]:
    """The calls of each key, of rows in the order of their keys. What is no call is left out; what a call
    adds to all keys goes into `together`.
    """
    calls = (row for row in rows if not row[0].startswith(RESERVED_MARK))
    for key, group in groupby(calls, key=lambda row: str(row[0])):
        of_one = [EndpointCalls(*rest) for _, *rest in group]
        for one in of_one:
            together[one.method, one.route, one.status] += one.calls
        yield of_key(key, of_one)
