"""A report as one HTML page, to read or to print: no script, nothing from elsewhere.

The page is made of the report alone: the same report always gives the same bytes. Long tables end after
`ROWS_SHOWN` rows, and say where the rest is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from metering.outcome import Outcome
from metering.period import Period, begins_at, day_of, days_of
from metering.usage import TOTALS, Usage
from reconciliation.causes import HARMLESS
from reconciliation.markup import Child, Markup, empty_tag, joined, tag
from reconciliation.report import Both, Report
from reconciliation.report_page_chart import days_chart
from reconciliation.report_page_findings import contradictions, differences, findings, repeated_objects
from reconciliation.report_page_parts import EQUAL, difference, number, table, time
from reconciliation.report_page_proof import proof
from reconciliation.verdict import Conclusion, counted, enumerated, month_name, verdict

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_DAY: Final = len("2026-11-05")
_DAYS_ID: Final = "day-by-day"
_ICONS: Final = {
    Conclusion.AGREES: "M14 25l7 7 14-15",
    Conclusion.DIFFERS: "M14 19h20M14 29h20M31 12L17 36",
    Conclusion.NOT_SETTLED: "M24 14v11l7 5",
    Conclusion.REFUSED: "M14 24h20",
}


def report_page(report: Report) -> bytes:
    """The page, in UTF-8."""
    conclusion = verdict(report).conclusion
    title = f"Reconciliation of {month_name(report.month)}: {conclusion}"
    head = tag(
        "head",
        _void("meta", charset="utf-8"),
        _void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        _void("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(_style())),
    )
    sections = joined([section for section in _sections(report) if section], Markup("\n"))
    body = tag("body", tag("main", sections))
    page = joined([Markup("<!DOCTYPE html>"), tag("html", head, body, lang="en"), Markup("")], Markup("\n"))
    return page.encode()


@cache
def _style() -> str:
    return (Path(__file__).parent / "report_page.css").read_text(encoding="utf-8")


def _void(name: str, /, **attributes: Child) -> Markup:
    return Markup(empty_tag(name, **attributes).replace("/>", ">"))


def _sections(report: Report) -> Iterator[Markup]:
    yield _header(report)
    yield _missing(report)
    yield _facts(report)
    yield _chart(report)
    yield findings(report)
    yield differences(report)
    yield contradictions(report)
    yield repeated_objects(report)
    yield _totals(report)
    yield _days(report)
    yield proof(report)
    yield tag(
        "footer",
        tag(
            "p",
            f"Made of report {report.run_id} alone. It lies beside this page as report.json, with every "
            "figure, and as differences.csv. All times are in UTC.",
        ),
    )


def _header(report: Report) -> Markup:
    conclusion, sentence = verdict(report)
    return tag(
        "header",
        tag("h1", f"Reconciliation of {month_name(report.month)}"),
        tag(
            "div",
            _icon(conclusion),
            tag("p", conclusion, class_="word"),
            tag("p", sentence, class_="sentence"),
            class_=f"verdict {conclusion.replace(' ', '-')}",
        ),
    )


def _icon(conclusion: Conclusion) -> Markup:
    stroke = {"fill": "none", "stroke": "currentColor", "stroke_width": "4", "stroke_linecap": "round"}
    circle = empty_tag("circle", cx="24", cy="24", r="21", **stroke)
    path = empty_tag("path", d=_ICONS[conclusion], stroke_linejoin="round", **stroke)
    return tag("svg", circle, path, viewBox="0 0 48 48", aria_hidden="true")


def _missing(report: Report) -> Markup:
    """Why the month is not complete; of a running one that is no fault."""
    if not report.missing:
        return Markup("")
    is_fault = report.refused or not report.is_settled
    return tag(
        "section",
        tag("h2", "What is missing" if is_fault else "What is still to come"),
        tag("ul", *[tag("li", sentence) for sentence in report.missing]),
        class_="missing" if is_fault else None,
    )


def _facts(report: Report) -> Markup:
    total = report.tally.total
    of_both = {
        "Counted": counted(total.counted.requests, "event"),
        "In the lake": counted(total.in_lake.requests, "event"),
        "Keys": _both_keys(report),
    }
    of_rows = {"Repeated rows": f"{report.lake_duplicates:,}", "Altered rows": f"{report.altered_rows:,}"}
    is_compared = bool(compared_days(report))
    facts = {
        **(of_both if is_compared else {}),
        "Compared": _compared(report),
        **(of_rows if is_compared else {}),
        "Waiting under the error prefix": counted(report.failed_records.waiting, "record"),
        "Finished": time(report.finished_at),
    }
    small = ("Compared", "Finished")
    return tag(
        "section",
        tag(
            "dl",
            *[
                tag("div", tag("dt", name), tag("dd", text, class_="small" if name in small else None))
                for name, text in facts.items()
            ],
            class_="facts",
        ),
    )


def _both_keys(report: Report) -> str:
    in_counters, in_lake = report.tally.keys_counted, report.tally.keys_in_lake
    return (
        f"{in_counters:,}" if in_counters == in_lake else f"{in_counters:,} counted, {in_lake:,} in the lake"
    )


def _compared(report: Report) -> str:
    if not compared_days(report):
        return "nothing"
    until = report.compared_until
    return "all of the month" if until is None else f"until before {until:%Y-%m-%d}"


def _totals(report: Report) -> Markup:
    if not compared_days(report):
        return Markup("")
    outcomes = [(one, report.tally.outcomes.get(one, Both())) for one in Outcome]
    of_outcomes = table(
        ["Outcome", "#Counters", "#Lake", "#Difference", "Calls"],
        [
            [tag("th", one.value, scope="row"), *_numbers(both, "requests"), _calls(one, both)]
            for one, both in outcomes
        ],
        caption="Events by what became of them",
    )
    of_totals = table(
        ["Total", "#Counters", "#Lake", "#Difference"],
        [
            [tag("th", name.replace("_", " "), scope="row"), *_numbers(report.tally.total, name)]
            for name in TOTALS
            if name != "fingerprint"
        ],
        caption="All keys together",
    )
    note = (
        "Metered are the calls of an API key, unattributed those without one, malformed what is no call. "
        "What cannot be decoded has no rows: its number is compared with what lies under the error prefix."
    )
    return tag(
        "section",
        tag("h2", "Totals"),
        tag("p", note),
        tag("div", of_outcomes, of_totals, class_="pair"),
        _fingerprints_of_all(report.tally.total),
    )


def _fingerprints_of_all(total: Both) -> Markup:
    facts = _fingerprints(total)
    return tag("dl", tag("dt", "Fingerprint of all calls"), tag("dd", facts), class_="details")


def _numbers(both: Both, name: str) -> list[Child]:
    sides: list[int] = [getattr(both.counted, name), getattr(both.in_lake, name)]
    return [number(sides[0]), number(sides[1]), difference(sides[0] - sides[1])]


def _calls(outcome: Outcome, both: Both) -> Child:
    if outcome is Outcome.UNDECODABLE:
        return tag("span", "by number", class_="faint")
    if both.counted == Usage() == both.in_lake:
        return tag("span", "none", class_="faint")
    if both.counted.fingerprint == both.in_lake.fingerprint:
        return EQUAL
    return tag("span", "≠ others", class_="unequal")


def _chart(report: Report) -> Markup:
    compared = compared_days(report)
    if not compared:
        return Markup("")
    days, differing = days_of(report.month), differing_days(report)
    drawn = days_chart(days, compared, differing, _described(report, differing))
    return tag(
        "section",
        tag("h2", "Events of each day"),
        tag(
            "figure",
            _legend(any_differs=bool(differing), any_left_out=len(compared) < len(days)),
            tag("div", drawn, class_="wide", tabindex=0),
        ),
        tag("p", "The figures are under ", tag("a", "day by day", href=f"#{_DAYS_ID}"), ".", class_="note"),
    )


def _days(report: Report) -> Markup:
    compared = compared_days(report)
    if not compared:
        return Markup("")
    differing = differing_days(report)
    return tag(
        "section",
        tag("h2", "Day by day"),
        tag("p", "Equal fingerprints are the same set of calls."),
        table(
            ["Day", "#Counters", "#Lake", "#Difference", "Fingerprints"],
            [
                [tag("th", day, scope="row"), *_numbers(both, "requests"), _fingerprints(both)]
                for day, both in compared.items()
            ],
            marked=[place for place, day in enumerate(compared) if day in differing],
        ),
        id=_DAYS_ID,
    )


def compared_days(report: Report) -> dict[Period, Both]:
    """The days that were compared, in order; those without a call are empty on both sides."""
    if report.refused:
        return {}
    until = report.compared_until
    return {
        day: report.tally.days.get(day, Both())
        for day in days_of(report.month)
        if until is None or begins_at(day) < until
    }


def differing_days(report: Report) -> frozenset[Period]:
    """The days at which anything differs: a total of all keys, a key, a counter, or an altered row."""
    periods = {day for day, both in report.tally.days.items() if both.counted != both.in_lake}
    periods |= {one.period for one in report.differences}
    periods |= {day_of(one.period) for one in report.findings if one.cause not in HARMLESS}
    periods |= {Period(f"{one.period}-{one.part}"[:_DAY]) for one in report.contradictions if one.part}
    return frozenset(period for period in periods if len(period) == _DAY)


def _described(report: Report, differing: frozenset[Period]) -> str:
    """The chart in words, for those who cannot see it."""
    if not differing:
        return f"Both bars are equal on each day that was compared of {month_name(report.month)}."
    days = enumerated([day[-2:].lstrip("0") for day in sorted(differing)])
    return f"Both sides differ on {counted(len(differing), 'day')} of {month_name(report.month)}: {days}."


def _legend(*, any_differs: bool, any_left_out: bool) -> Markup:
    entries = [("counted", "Counted"), ("lake", "In the lake")]
    if any_left_out:
        entries.append(("not-compared", "Not compared"))
    shown = [
        tag(
            "span",
            tag("svg", empty_tag("rect", width="12", height="12", rx="2", class_=kind), viewBox="0 0 12 12"),
            name,
        )
        for kind, name in entries
    ]
    if any_differs:
        shown.append(
            tag(
                "span",
                tag("b", "≠", class_="unequal"),
                "They differ; below the day, counted less in the lake",
            )
        )
    return tag("figcaption", *shown, class_="legend")


def _fingerprints(both: Both) -> Markup:
    left, right = both.counted.fingerprint, both.in_lake.fingerprint
    if left == right:
        return tag("span", EQUAL, " ", tag("span", left, class_="mono faint"))
    return joined(
        [
            tag("div", tag("span", "≠ counters ", class_="unequal"), tag("span", left, class_="mono")),
            tag("div", tag("span", "≠ lake ", class_="unequal"), tag("span", right, class_="mono")),
        ]
    )
