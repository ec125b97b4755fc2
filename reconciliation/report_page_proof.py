"""The section of the page with which everything can be derived again."""

from __future__ import annotations

from itertools import groupby, islice
from typing import Final

from metering.period import Period
from reconciliation.markup import Markup, joined, tag
from reconciliation.report import Proof, Report
from reconciliation.report_page_parts import ROWS_SHOWN, number, table, time
from reconciliation.verdict import counted

_HASH: Final = tag("code", "bitwise_and(from_big_endian_64(xxhash64(to_utf8(eventid))), 9223372036854775807)")
_RESULTS: Final = tag("code", "aws athena get-query-results --query-execution-id ID")


def proof(report: Report) -> Markup:
    """What was read, by which queries, and how anyone can derive it again."""
    return tag(
        "section",
        tag("h2", "Proof"),
        tag(
            "p",
            "Two ways that each call takes by itself: into the counters in DynamoDB within seconds, and as a "
            "row into the lake's Parquet files. A fingerprint is the sum of the hashes of all event ids: if "
            "a call is missing, is there twice or was swapped for another, the sums differ.",
        ),
        _read(report),
        _objects(report),
        *_queries(report),
        _again(report.month),
    )


def _read(report: Report) -> Markup:
    tally, failed = report.tally, report.failed_records
    undecodable = (
        f"{failed.at_least:,}"
        if failed.at_least == failed.at_most
        else _between(failed.at_least, failed.at_most)
    )
    facts = {
        "Run": report.run_id,
        "Began, finished": f"{time(report.started_at)}, {time(report.finished_at)}",
        "Counters read": number(tally.counters),
        "Rows of the lake": f"{number(tally.lake_rows)}, {number(report.lake_duplicates)} of them repeated",
        "Read by the queries": f"{number(report.scanned_bytes)} bytes",
        "Under the error prefix": "; ".join(
            [
                counted(failed.objects, "object"),
                f"{undecodable} records of the month cannot be decoded",
                f"{number(failed.waiting)} wait to be redriven",
            ]
        ),
    }
    pairs = [joined([tag("dt", name), tag("dd", text)]) for name, text in facts.items()]
    return tag("dl", *pairs, class_="details")


def _between(least: int, most: int) -> str:
    return f"{least:,} to {most:,}"


def _objects(report: Report) -> Markup:
    if not report.objects_read:
        return Markup("")
    found = report.objects_read
    total = (
        f"{number(sum(one.objects for one in found))} objects, {number(sum(one.size for one in found))} bytes"
    )
    rows = [
        [tag("th", one.day, scope="row"), number(one.objects), number(one.size), tag("code", one.digest)]
        for one in found
    ]
    note = (
        "What the folders of these days held when the queries began. A digest is the SHA-256 of a line for "
        "each object, in the order of their names, with name, ETag and bytes, set apart by tabs: it tells "
        "later whether these are still the same objects."
    )
    return tag(
        "div",
        tag("h3", "Objects read ", tag("span", f"· {total}", class_="count")),
        tag("p", note, class_="note"),
        table(["Folder of", "#Objects", "#Bytes", "Digest"], rows),
    )


def _queries(report: Report) -> list[Markup]:
    """Each query once, with all its runs."""
    by_text = sorted(enumerate(report.proofs), key=lambda entry: _first(report.proofs, entry[1]))
    groups = groupby((one for _, one in by_text), key=lambda one: (one.name, one.sql))
    return [_query(name, sql, list(runs)) for (name, sql), runs in groups]


def _first(proofs: list[Proof], wanted: Proof) -> int:
    """The place of the first run of a query."""
    return next(place for place, one in enumerate(proofs) if (one.name, one.sql) == (wanted.name, wanted.sql))


def _query(name: str, sql: str, runs: list[Proof]) -> Markup:
    rows = [
        [
            tag("code", one.query_id),
            tag("code", ", ".join(one.parameters)),
            number(one.rows),
            number(one.scanned_bytes),
            number(one.milliseconds),
        ]
        for one in islice(runs, ROWS_SHOWN)
    ]
    return tag(
        "div",
        tag("h3", name.replace("_", " ").capitalize()),
        table(["Query id", "Parameters, in order", "#Rows", "#Bytes read", "#Milliseconds"], rows),
        tag("pre", joined(sql.strip().split("\n"), Markup("\n"))),
    )


def _again(month: Period) -> Markup:
    steps = [
        joined(["Ask for the rows of a query by its id, as long as Athena keeps them: ", _RESULTS, "."]),
        "Or run a query above in the meter's workgroup, its parameters in this order, with result reuse off.",
        joined(["The hash of an event id is ", _HASH, "; a fingerprint is a decimal of 38 digits."]),
        "Without Athena: docs/audit.md reads the same Parquet files with DuckDB and no code of the meter's.",
        joined(["Compare everything again: ", tag("code", f"usage-meter reconcile {month}"), "."]),
    ]
    return tag("div", tag("h3", "Derive it again"), tag("ol", *[tag("li", step) for step in steps]))
