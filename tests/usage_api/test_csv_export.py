"""Answers as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.counters.counter import Counter
from metering.period import Period
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.results.safe_csv import BYTE_ORDER_MARK as MARK
from metering.results.safe_csv import kept
from metering.usage import Metric, Usage
from tests.usage_api.sources import Memory
from usage_api.csv_export import is_table, rows_of, written
from usage_api.parameters import Days
from usage_api.schemas import HealthAnswer, KeyEntry, KeysAnswer, PeriodUsage

USED = Usage(5, 4, 1, 500, 50, 60, 7)
NOVEMBER, FIFTH = Period("2026-11"), Period("2026-11-05")
MEMORY = Memory(
    counters={
        ("=k", NOVEMBER): Counter("=k", NOVEMBER, USED, {"05": 5}),
        ("=k", FIFTH): Counter("=k", FIFTH, USED, {"07": 5}),
    },
    plans={"pro": Plan("pro", (Limit(Metric.REQUESTS, Span.MONTH, 10),))},
    assignments={"=k": Assignment("=k", "pro", "+acme")},
    candidates=["=k"],
)
LOOK_UPS = MEMORY.look_ups()


class TestTables:
    def test_month(self) -> None:
        """A row a day."""
        assert f"{MARK}key,period,requests\r\n'=k,2026-11-05,5\r\n" == written(LOOK_UPS.usage("=k"))

    def test_range(self) -> None:
        """A row a day, with all totals."""
        totals = "requests,billable,errors,response_bytes,request_bytes,latency_ms"
        header = f"key,period,{totals},unknown_response_sizes,unknown_request_sizes"
        text = written(LOOK_UPS.usage_of_days("=k", Days(FIFTH, FIFTH)))
        assert f"{MARK}{header}\r\n'=k,2026-11-05,5,4,1,500,50,60,0,0\r\n" == text

    def test_quota(self) -> None:
        """A row a limit."""
        header = "key,plan,metric,span,kind,mode,amount,used,remaining,resets_at,denies,unknown_sizes"
        row = "'=k,pro,requests,month,hard,counted,10,5,5,2026-12-01T00:00:00Z,false,0"
        assert f"{MARK}{header}\r\n{row}\r\n" == written(LOOK_UPS.quota("=k"))

    def test_keys(self) -> None:
        """A row a key; what a customer is called is no formula either."""
        text = written(LOOK_UPS.keys(10, None))
        assert f"{MARK}key,plan,account,status,name\r\n'=k,pro,'+acme,active,\r\n" == text

    def test_top(self) -> None:
        """A row a key."""
        assert (
            "'=k,2026-11,5,4,1,500,50,60,0,0"
            == written(LOOK_UPS.top(None, Metric.REQUESTS, 5)).split("\r\n")[1]
        )

    def test_health(self) -> None:
        """Health is not a table."""
        assert [True, False] == [is_table(PeriodUsage), is_table(HealthAnswer)]
        with pytest.raises(TypeError, match="HealthAnswer is not a table"):
            rows_of(LOOK_UPS.health())


class TestFormulas:
    @given(st.lists(st.text(max_size=30), min_size=4, max_size=4))
    def test_any_text(self, texts: list[str]) -> None:
        """No cell of a file begins as a formula does, and none breaks out of its cell."""
        key, plan, account, other = texts
        entries = tuple(
            KeyEntry(key=one, plan=plan, account=account, name=other, status="active")  # type: ignore[arg-type]
            for one in (key, other)
        )
        rows = list(csv.reader(io.StringIO(written(KeysAnswer(keys=entries, next=None)), newline="")))
        assert [5, 5, 5] == [len(row) for row in rows]
        assert [] == [cell for row in rows for cell in row if cell[:1] and cell[0] in "=+-@\t\r\n＝＋－＠"]
        assert [[kept(one), kept(plan), kept(account)] for one in (key, other)] == [
            row[:3] for row in rows[1:]
        ]
