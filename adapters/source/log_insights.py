"""A count of the log groups' lines by key and day: one query of CloudWatch Logs Insights.

It is written apart from the reader of lines, and knows four fields by name. A query gives 10,000 rows at
most.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from adapters.errors import translated
from metering.errors import Transient
from metering.period import Period, begins_at, ends_at
from metering.proof.witness import KeyAndDay, WitnessCount, WitnessName

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import ResultFieldTypeDef

MOST_ROWS: Final = 10_000
LATEST: Final = timedelta(days=2)
"""How long after its own time a line may be logged at all."""
PATIENCE_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 2.0

QUERY: Final = f"""\
filter ispresent(requestTimeEpoch) and ispresent(status)
| fields 86400 + 86313600 * least(1, floor(requestTimeEpoch / 100000000000)) as of_a_day
| fields coalesce(apiKeyId, "-") as key, coalesce(authorizerKeyId, "-") as other
| fields floor(requestTimeEpoch / of_a_day) as day
| stats count(*) as calls by key, other, day
| sort calls desc
| limit {MOST_ROWS}"""
"""REST APIs log milliseconds, HTTP APIs seconds: `of_a_day` is a day in either."""


class InsightsWitness:
    """Asks the log groups, as long as they keep their lines."""

    name = WitnessName.LOG

    def __init__(
        self,
        logs: CloudWatchLogsClient,
        log_groups: Sequence[str],
        pause: Callable[[float], None],
        steady: Callable[[], float],
    ) -> None:
        """`pause` waits for seconds, `steady` counts them from any start."""
        self._logs = logs
        self._groups = list(log_groups)
        self._pause = pause
        self._steady = steady

    def testify(self, month: Period) -> WitnessCount:
        """How many lines each key has on each day of a month.

        Raises:
            Transient, Misconfigured: the query could not be run.
        """
        rows = self._rows(begins_at(month), ends_at(month) + LATEST)
        counts: Counter[KeyAndDay] = Counter()
        for key, day, calls in map(_row, rows):
            if day.startswith(month):
                counts[key, day] += calls
        is_whole = len(rows) < MOST_ROWS
        note = f"the query gave its most, {MOST_ROWS:,} rows: the busiest keys and days are compared"
        return WitnessCount(
            WitnessName.LOG, counts, speaks_for_all=is_whole, notes=() if is_whole else (note,)
        )

    def _rows(self, start: datetime, end: datetime) -> Sequence[Sequence[ResultFieldTypeDef]]:
        until = self._steady() + PATIENCE_SECONDS
        with translated("StartQuery of the log groups"):
            query = self._logs.start_query(
                logGroupNames=self._groups,
                startTime=int(start.timestamp()),
                endTime=int(end.timestamp()),
                queryString=QUERY,
                limit=MOST_ROWS,
            )["queryId"]
        while True:
            with translated("GetQueryResults of the log groups"):
                found = self._logs.get_query_results(queryId=query)
            if found["status"] == "Complete":
                return found["results"]
            if found["status"] not in {"Scheduled", "Running"} or self._steady() > until:
                raise Transient(f"the query of the log groups is {found['status']}: {query}")
            self._pause(_PAUSE_SECONDS)


def _row(fields: Sequence[ResultFieldTypeDef]) -> tuple[str, Period, int]:
    values = {one["field"]: one["value"] for one in fields}
    day = datetime.fromtimestamp(int(float(values["day"])) * 86_400, UTC)
    key = values["other"] if values["key"] in {"", "-"} else values["key"]
    return key or "-", Period(f"{day:%Y-%m-%d}"), int(float(values["calls"]))
