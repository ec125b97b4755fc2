"""The lake without what no engine can read: an object that ends a query is left out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final

from metering.calls.access_log import MAX_BYTES, MAX_LATENCY_MS
from metering.errors import QueryFailed
from reconciliation.lake.queries import quoted
from reconciliation.ports import Queries, QueryResult

MOST_LEFT_OUT: Final = 100
"""Objects of a run. Where more cannot be read, somebody must look first."""
_TABLE: Final = re.compile(r"(FROM api_gateway_logs\s+WHERE )")
_SUMMED: Final = (
    f"coalesce(responsesize, 0) BETWEEN 0 AND {MAX_BYTES} "
    f"AND coalesce(requestsize, 0) BETWEEN 0 AND {MAX_BYTES} "
    f"AND coalesce(responselatency, 0) BETWEEN 0 AND {MAX_LATENCY_MS}"
)


class ReadableLake:
    """The port `Queries` on the objects that can be read. For one run: what was left out once stays so."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._reasons: dict[str, str] = {}
        self._lock = Lock()
        self.leaves_rows_out = False
        """Whether rows whose sizes cannot be added up were left out of a query."""

    @property
    def unreadable(self) -> dict[str, str]:
        """The objects that were left out, and what Athena said of each."""
        return dict(self._reasons)

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> QueryResult:
        """Run a query, and again for each object that it cannot read.

        Raises:
            QueryFailed: it fails for another reason, or for more objects than are left out.
            MeterError: it cannot be run.
        """
        while True:
            left_out = self.unreadable
            try:
                return self._queries.run(_without(sql, left_out), parameters, run_id=run_id)
            except QueryFailed as error:
                if error.place is None or error.place in left_out or len(left_out) == MOST_LEFT_OUT:
                    raise
                with self._lock:
                    self._reasons.setdefault(error.place, error.reason)

    def run_without_large_rows(self, sql: str, parameters: Sequence[str], *, run_id: str) -> QueryResult:
        """Run a query over the rows whose sizes the meter could have written: sums of others may be too large
        to be held. Raises what `run` raises.
        """
        self.leaves_rows_out = True
        return self.run(_TABLE.sub(lambda found: f"{found[1]}{_SUMMED} AND ", sql), parameters, run_id=run_id)


def _without(sql: str, objects: Iterable[str]) -> str:
    names = ", ".join(map(quoted, sorted(objects)))
    return _TABLE.sub(lambda found: f'{found[1]}"$path" NOT IN ({names}) AND ', sql) if names else sql
