"""A report as one HTML page, to read or to print: no script, nothing from elsewhere.

The page is made of the report alone: the same report always gives the same bytes. Long tables end after
`ROWS_SHOWN` rows, and say where the rest is. What the page says is decided here, how it looks in `templates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from metering.outcome import OUTCOME_OF_KEY, Outcome
from metering.period import Period, begins_at, day_of, days_of, is_day
from metering.proof.drift import beyond_unknown_sizes
from metering.usage import NO_USAGE, TOTALS, Usage
from reconciliation.model.causes import ADVICE, HARMLESS, Cause, Finding
from reconciliation.model.report import Both, QueryEvidence, Report
from reconciliation.page_template import rendered, stylesheet, time
from reconciliation.report.chart import days_chart
from reconciliation.report.verdict import Conclusion, counted, enumerated, month_name, verdict

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
ROWS_SHOWN: Final = 500
"""The page stays one that a browser can open; the other files have the rest."""

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SUMMED: Final = tuple(name for name in TOTALS if name != "fingerprint")
_ICONS: Final = {
    Conclusion.AGREES: "M14 25l7 7 14-15",
    Conclusion.DIFFERS: "M14 19h20M14 29h20M31 12L17 36",
    Conclusion.NOT_SETTLED: "M24 14v11l7 5",
    Conclusion.REFUSED: "M14 24h20",
}


def report_page(report: Report) -> bytes:
    """The page, in UTF-8."""
    conclusion = verdict(report)
    return rendered(
        _TEMPLATES,
        "page.html",
        policy=POLICY,
        style=stylesheet(_TEMPLATES / "page.css"),
        rows_shown=ROWS_SHOWN,
        outcome_of_key=OUTCOME_OF_KEY,
        counted=counted,
        report=report,
        month=month_name(report.month),
        verdict=conclusion,
        icon=_ICONS[conclusion.conclusion],
        facts=list(_facts(report)),
        findings_counted=_findings_counted(report),
        causes=_causes(report),
        usage_lines=usage_lines,
        other_totals=_other_totals,
        outcomes=[_outcome(report, one) for one in Outcome],
        summed=_shown_totals(report.tally.total),
        queries=_queries(report.proofs),
        **_days(report),
    )


class _Fact(NamedTuple):
    name: str
    text: str
    is_small: bool = False


def _facts(report: Report) -> Iterator[_Fact]:
    """The figures at the top; those of both sides only where they were compared."""
    total, is_compared = report.tally.total, bool(compared_days(report))
    if is_compared:
        yield _Fact("Counted", counted(total.counted.requests, "event"))
        yield _Fact("In the lake", counted(total.in_lake.requests, "event"))
        yield _Fact("Keys", _keys(report))
    yield _Fact("Compared", _compared(report), is_small=True)
    if is_compared:
        yield _Fact("Repeated rows", f"{report.lake_duplicates:,}")
        yield _Fact("Altered rows", f"{report.altered_rows:,}")
    yield _Fact("Waiting under the error prefix", counted(report.failed_records.waiting, "record"))
    yield _Fact("Finished", time(report.finished_at), is_small=True)


def _keys(report: Report) -> str:
    in_counters, in_lake = report.tally.keys_counted, report.tally.keys_in_lake
    return (
        f"{in_counters:,}" if in_counters == in_lake else f"{in_counters:,} counted, {in_lake:,} in the lake"
    )


def _compared(report: Report) -> str:
    if not compared_days(report):
        return "nothing"
    until = report.compared_until
    return "the whole month" if until is None else f"through {until - timedelta(days=1):%Y-%m-%d}"


def _days(report: Report) -> dict[str, object]:
    """What is said of each day, and its chart; of no day where nothing was compared."""
    compared, differing, days = compared_days(report), differing_days(report), days_of(report.month)
    legend = [("counted", "Counted"), ("lake", "In the lake"), ("not-compared", "Not compared")]
    return {
        "days": compared,
        "differing": differing,
        "chart": days_chart(days, compared, differing),
        "legend": legend if len(compared) < len(days) else legend[:2],
        "in_words": _described(report, differing),
    }


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
    periods = {
        day
        for day, both in report.tally.days.items()
        if beyond_unknown_sizes(both.counted - both.in_lake) != NO_USAGE
    }
    periods |= {one.period for one in report.differences}
    periods |= {day_of(one.period) for one in report.findings if one.cause not in HARMLESS}
    periods |= {day_of(Period(f"{one.period}-{one.part}")) for one in report.contradictions if one.part}
    return frozenset(period for period in periods if is_day(period))


def _described(report: Report, differing: frozenset[Period]) -> str:
    """The chart in words, for those who cannot see it."""
    if not differing:
        return f"Both bars are equal on each day that was compared of {month_name(report.month)}."
    days = enumerated([day[-2:].lstrip("0") for day in sorted(differing)])
    return f"Both sides differ on {counted(len(differing), 'day')} of {month_name(report.month)}: {days}."


def _findings_counted(report: Report) -> str:
    harmless = sum(report.causes.get(cause.value, 0) for cause in HARMLESS)
    harmful = report.findings_found - harmless
    parts = [
        counted(harmful, "call, row or counter", "calls, rows and counters") if harmful else "",
        f"{counted(harmless, 'repeated row')} that {'changes' if harmless == 1 else 'change'} no figure"
        if harmless
        else "",
    ]
    return enumerated([part for part in parts if part]) if report.findings else ""


class _FoundCause(NamedTuple):
    name: str
    advice: str
    number: int
    """Of all findings of the cause that the report holds."""
    findings: list[Finding]
    """Those that are shown."""


def _causes(report: Report) -> list[_FoundCause]:
    """The causes that were found, those without harm last."""
    shown = report.findings[:ROWS_SHOWN]
    of_causes = {cause: [one for one in shown if one.cause is cause] for cause in Cause}
    in_order = sorted((cause for cause in Cause if of_causes[cause]), key=HARMLESS.__contains__)
    return [
        _FoundCause(cause.value, ADVICE[cause], report.causes.get(cause.value, 0), of_causes[cause])
        for cause in in_order
    ]


def usage_lines(one: Finding) -> list[str]:
    """A finding's totals that are not zero, a line each; signed where they are a surplus and not a call's."""
    sign = "+" if one.event_id is None else ""
    totals = {name: getattr(one.usage or NO_USAGE, name) for name in _SUMMED}
    return [
        f"{total:{sign},} {name.replace('_', ' ')}".replace("-", "−")
        for name, total in totals.items()
        if total
    ]


def _other_totals(surplus: Usage) -> list[str]:
    """The totals beside the requests that differ, the fingerprint last."""
    return [name for name in (*_SUMMED[1:], "fingerprint") if getattr(surplus, name)]


def _shown_totals(both: Both) -> list[str]:
    """The totals that are sums of amounts; those of unknown sizes where there are any."""
    return [
        name
        for name in _SUMMED
        if not name.startswith("unknown_") or getattr(both.counted, name) or getattr(both.in_lake, name)
    ]


class _OutcomeRow(NamedTuple):
    name: str
    both: Both
    calls: str


def _outcome(report: Report, outcome: Outcome) -> _OutcomeRow:
    both = report.tally.outcomes.get(outcome, Both())
    return _OutcomeRow(outcome.value, both, _calls(outcome, both))


def _calls(outcome: Outcome, both: Both) -> str:
    """Whether both sides hold the same calls."""
    if outcome is Outcome.UNDECODABLE:
        return "by number"
    if both.counted == NO_USAGE == both.in_lake:
        return "none"
    return "same" if both.counted.fingerprint == both.in_lake.fingerprint else "others"


class _Query(NamedTuple):
    title: str
    sql: str
    runs: list[QueryEvidence]


def _queries(proofs: list[QueryEvidence]) -> list[_Query]:
    """Each query once, in the order of its first run, with all its runs."""
    runs: dict[tuple[str, str], list[QueryEvidence]] = {}
    for proof in proofs:
        runs.setdefault((proof.name, proof.sql), []).append(proof)
    return [
        _Query(name.replace("_", " ").capitalize(), sql.strip(), found[:ROWS_SHOWN])
        for (name, sql), found in runs.items()
    ]
