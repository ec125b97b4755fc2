"""Values as Athena prints them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from local_cloud.athena.error import QueryFailedError
from local_cloud.athena.values import PrintedRows, ResultColumn, csv, printed
from local_cloud.spool import Spool

NOON = datetime(2026, 10, 31, 12, 0, 0, 123_999, UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, "true"),
        (7, "7"),
        ("", ""),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-123456789.125, "-1.23456789125E8"),
        (1e300, "1.0E300"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+5"), "100000"),
        (date(2026, 10, 31), "2026-10-31"),
        (NOON.replace(tzinfo=None), "2026-10-31 12:00:00.123"),
        (NOON, "2026-10-31 12:00:00.123 UTC"),
        (b"\x00\xff", "00 ff"),
    ],
)
def test_values(value: Any, expected: str | None) -> None:
    """Doubles as Java prints them, times to the millisecond."""
    assert expected == printed(value)


def test_a_result_as_csv() -> None:
    """What stands in quotes may hold quotes, commas and newlines; NULL has no quotes."""
    columns = [ResultColumn.of("a", "VARCHAR"), ResultColumn.of("b", "BIGINT")]

    assert b'"a","b"\n"x,""y""\nz","1"\n,""\n' == csv(columns, [('x,"y"\nz', "1"), (None, "")])


def test_rows_of_a_result_lie_on_disk() -> None:
    """Any page of them can be read, in any order, beside those of other results."""
    rows = [(str(number), None) for number in range(1_234)]
    spool = Spool()
    other, kept = PrintedRows([("x",)], spool), PrintedRows(iter(rows), spool)
    assert (1_234, rows, [("x",)]) == (len(kept), list(kept), list(other))
    assert [tuple(rows[499:502]), tuple(rows[1_000:]), ()] == [kept[499:502], kept[1_000:9_999], kept[5:5]]
    assert (rows[0], rows[-1]) == (kept[0], kept[-1])
    with pytest.raises(IndexError):
        _ = kept[1_234]


def test_a_type_that_is_not_printed_is_refused() -> None:
    """The column is named."""
    with pytest.raises(QueryFailedError, match=r"INTERVAL \(waited\)"):
        ResultColumn.of("waited", "INTERVAL")


def test_decimals_have_their_precision() -> None:
    """And their scale."""
    assert ResultColumn("d", "decimal", 38, 2) == ResultColumn.of("d", "DECIMAL(38,2)")
