"""The report as CSV."""

from __future__ import annotations

import csv
import io

from reconciliation.model.report import Report
from reconciliation.report.csv import CSV_HEADER, report_csv
from tests.reconciliation.report.samples import HOSTILE, agreeing, differing, hostile


def rows(report: Report) -> list[dict[str, str]]:
    """The rows as a spreadsheet reads them."""
    return list(csv.DictReader(io.StringIO(report_csv(report).decode("utf-8-sig"), newline="")))


def test_agreeing() -> None:
    """Nothing but the header."""
    assert ",".join(CSV_HEADER) + "\r\n" == report_csv(agreeing()).decode("utf-8-sig")


def test_kinds() -> None:
    """A row for each thing, all of them with month and report."""
    found = rows(differing())
    assert ["difference"] * 5 + ["contradiction"] + ["finding"] * 5 + ["repeated object"] == [
        row["kind"] for row in found
    ]
    assert {("2026-10", "'2026-11-02T06")} == {(row["month"], row["report"]) for row in found}


def test_difference() -> None:
    """Both sides, and what was counted beyond the lake."""
    row = rows(differing())[2]
    assert {
        "key": "shop",
        "period": "2026-10",
        "what": "calls missing in the lake",
        "requests": "1",
        "response_bytes": "2048",
        "counted_requests": "12403",
        "in_lake_requests": "12402",
    } == {name: row[name] for name in ("key", "period", "what", "requests", "response_bytes")} | {
        name: row[name] for name in ("counted_requests", "in_lake_requests")
    }


def test_finding() -> None:
    """The call by its id, its cause, and what to do."""
    row = next(row for row in rows(differing()) if row["what"] == "lost on the way to the lake")
    assert ("LmX0kE2pIAMFb3A=", "2026-10-05T14:03:59.481Z") == (row["event_id"], row["time"])
    assert row["advice"].startswith("Bring the call into the lake")
    assert ["1", "2048", ""] == [row[name] for name in ("requests", "response_bytes", "counted_requests")]


def test_formulas() -> None:
    """No text is run, whoever chose it; numbers keep their sign."""
    report = differing()
    report.differences = report.differences[-1:]
    (first, *_) = rows(report)
    assert first["fingerprint"].lstrip("'-").isdigit()
    report.run_id = "=cmd()"
    assert "'=cmd()" == rows(report)[0]["report"]


def test_hostile() -> None:
    """No text leaves its cell."""
    assert {HOSTILE} == {row["key"] for row in rows(hostile()) if row["kind"] == "finding"}


def test_same_bytes() -> None:
    """The same report gives the same file."""
    assert report_csv(differing()) == report_csv(differing())
