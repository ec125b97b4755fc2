"""What is accepted is found: tolerance, partition and margin are one rule."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firehose_transform.transform import TransformReport, transform
from metering.billing_rule import BillingRule
from metering.calls.access_log import MAX_CLOCK_DIFFERENCE_MS
from metering.calls.placement import REACH_MS, middle_ms
from metering.period import Period, begins_at, ends_at
from reconciliation.lake.queries import MARGIN, between
from tests.factories import NOON_MS, delivery, firehose_event, line, log_event

RULE = BillingRule()
DAY_MS = 86_400_000
MONTH_END_MS = NOON_MS + DAY_MS // 2
CALLS = st.tuples(st.integers(-DAY_MS, DAY_MS), st.integers(-DAY_MS - 1000, DAY_MS + 1000))
"""When a line was logged, from a month's end, and how far its call lies from that."""


def placed(
    calls: list[tuple[int, int]],
) -> tuple[dict[str, str] | None, list[dict[str, Any]], TransformReport]:
    """The partition and the rows of a delivery; None: it goes under the error prefix."""
    events = [
        log_event(
            line(extendedRequestId=str(number), requestTimeEpoch=str(MONTH_END_MS + logged + apart)),
            number=number,
            timestamp=MONTH_END_MS + logged,
        )
        for number, (logged, apart) in enumerate(calls)
    ]
    answer, report = transform(firehose_event([delivery(events)]), RULE)
    (record,) = answer["records"]
    rows = [json.loads(row) for row in base64.b64decode(record.get("data", "")).splitlines()]
    metadata: Any = record.get("metadata")
    return (metadata["partitionKeys"] if metadata else None), rows, report


def finds(month: Period, partition: dict[str, str], time: datetime) -> bool:
    """Whether the queries of a month read a row of this time in this partition."""
    first_year, last_year, *months, first, last, start, end = between(begins_at(month), ends_at(month))
    day = int(partition["year"] + partition["month"] + partition["day"])
    moment = time.strftime("'%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03d}'"
    return (
        int(first_year) <= int(partition["year"]) <= int(last_year)
        and int(partition["month"]) in map(int, months)
        and int(first) <= day <= int(last)
        and start[:-1] <= moment[:-1] < end[:-1]
    )


@given(st.lists(CALLS, min_size=1, max_size=5))
@example([(0, 23 * DAY_MS // 24), (0, -23 * DAY_MS // 24)])
@example([(DAY_MS, 0), (0, -DAY_MS)])
@example([(DAY_MS, DAY_MS), (-DAY_MS, -DAY_MS)])
def test_a_row_is_found_by_exactly_one_month(calls: list[tuple[int, int]]) -> None:
    """Whatever lies in one delivery: a row is found by the month of its own time, and by no other."""
    partition, rows, report = placed(calls)
    assert len(calls) == len(rows) or (partition is None and 1 == len(report.scattered))
    for row in rows:
        assert partition is not None
        time = datetime.fromisoformat(row["eventtime"]).replace(tzinfo=UTC)
        months = [Period(name) for name in ("2026-09", "2026-10", "2026-11", "2026-12")]
        assert [Period(f"{time:%Y-%m}")] == [month for month in months if finds(month, partition, time)]


@given(st.lists(st.integers(-DAY_MS, DAY_MS), min_size=1, max_size=4), st.integers(-DAY_MS, DAY_MS))
def test_calls_of_one_moment_of_logging_are_accepted(apart: list[int], logged: int) -> None:
    """Only log events that lie far apart can make a delivery that has no partition."""
    partition, rows, _ = placed([(logged, one) for one in apart])
    assert partition is not None
    assert len(apart) == len(rows)


def test_calls_too_far_apart() -> None:
    """Have no day in common: they go under the error prefix, from where each is brought to its own."""
    partition, rows, report = placed([(-DAY_MS, -DAY_MS), (DAY_MS, 1)])
    assert (None, []) == (partition, rows)
    (failure,) = report.scattered
    assert "have no day in common" in failure.reason


@pytest.mark.parametrize(
    ("earliest", "latest", "expected"), [(5, 5, 5), (0, 2 * DAY_MS, DAY_MS), (0, 2 * DAY_MS + 1, None)]
)
def test_the_middle(earliest: int, latest: int, expected: int | None) -> None:
    """Of two times that are not too far apart."""
    assert expected == middle_ms(earliest, latest)


def test_one_number() -> None:
    """Rules how far a call may lie from its line, and how far a query reaches."""
    assert (REACH_MS, timedelta(milliseconds=REACH_MS)) == (MAX_CLOCK_DIFFERENCE_MS, MARGIN)
