"""The sections of the page that name what differs: calls, rows and counters by cause, then the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metering.drift import Difference
from metering.outcome import OUTCOME_OF_KEY
from metering.usage import TOTALS
from reconciliation.causes import ADVICE, HARMLESS, Cause, Finding
from reconciliation.markup import Child, Markup, joined, tag
from reconciliation.report import Report
from reconciliation.report_page_parts import ROWS_SHOWN, difference, more, number, table, time, usage
from reconciliation.verdict import counted, enumerated


def findings(report: Report) -> Markup:
    """Each call, row or counter at which both sides differ: by cause, with what to do."""
    if not report.findings:
        return Markup("")
    shown = report.findings[:ROWS_SHOWN]
    of_causes = {cause: [one for one in shown if one.cause is cause] for cause in Cause}
    in_order = sorted((cause for cause in Cause if of_causes[cause]), key=HARMLESS.__contains__)
    return tag(
        "section",
        tag("h2", "Call by call"),
        tag("p", f"{_numbers(report)}, each with its likely cause and what to do."),
        *[_cause(cause, of_causes[cause], report.causes.get(cause.value, 0)) for cause in in_order],
        more(report.findings_found, len(report.findings)),
        _not_looked_into(report.not_looked_into),
    )


def _numbers(report: Report) -> str:
    harmless = sum(report.causes.get(cause.value, 0) for cause in HARMLESS)
    harmful = report.findings_found - harmless
    parts = [
        counted(harmful, "call, row or counter", "calls, rows and counters") if harmful else "",
        f"{counted(harmless, 'repeated row')} that {'changes' if harmless == 1 else 'change'} no figure"
        if harmless
        else "",
    ]
    return enumerated([part for part in parts if part])


def _cause(cause: Cause, found: Sequence[Finding], number_of_all: int) -> Markup:
    heads = ["Key", "When", "Call", "What speaks for it", "Usage"]
    return tag(
        "div",
        tag("h3", cause.value.capitalize(), " ", tag("span", f"· {number_of_all:,}", class_="count")),
        tag("p", Markup(_with_code(ADVICE[cause])), class_="do"),
        table(heads, [list(_finding(one)) for one in found]),
        class_="cause",
    )


def _with_code(advice: str) -> Markup:
    """A sentence in which `commands` are set apart."""
    pieces = advice.split("`")
    return joined(tag("code", piece) if place % 2 else piece for place, piece in enumerate(pieces))


def _finding(one: Finding) -> Iterator[Child]:
    yield key(one.key)
    yield tag("td", one.period if one.time is None else time(one.time), class_="nowrap")
    yield _call(one)
    yield tag("td", one.note, *[tag("div", tag("code", place)) for place in one.objects], class_="say")
    told = usage(one.usage, signed=one.event_id is None)
    yield tag("td", *[tag("div", line) for line in told], class_="nowrap")


def _call(one: Finding) -> Markup:
    if one.event_id is not None:
        return tag("td", tag("code", one.event_id), class_="call")
    if one.event_hash is not None:
        return tag("td", "hash ", tag("code", one.event_hash), class_="call")
    return tag("td", "the counter" if one.cause is Cause.COUNTER_EDITED else "none named", class_="faint")


def _not_looked_into(differences_left: int) -> Markup:
    if not differences_left:
        return Markup("")
    told = counted(differences_left, "more difference was", "more differences were")
    return tag("p", f"{told} not looked into, for there are many: repair, and compare again.", class_="note")


def differences(report: Report) -> Markup:
    """Each key and period of which a total differs."""
    if not report.differences:
        return Markup("")
    heads = ["Key", "Period", "What it is", "#Counters", "#Lake", "#Requests", "Other totals"]
    return tag(
        "section",
        tag("h2", "Figures that differ"),
        tag(
            "p",
            "Each key and period on both sides; a difference is what was counted beyond the lake.",
        ),
        table(heads, [list(_difference(one)) for one in report.differences[:ROWS_SHOWN]]),
        more(report.differences_found, len(report.differences)),
    )


def _difference(one: Difference) -> Iterator[Child]:
    yield key(one.key)
    yield tag("td", one.period, class_="nowrap")
    yield one.nature.value
    yield number(one.counted.requests)
    yield number(one.in_lake.requests)
    yield difference(one.surplus.requests)
    others = [
        joined([name.replace("_", " "), " ", difference(getattr(one.surplus, name))])
        for name in TOTALS
        if name not in ("requests", "fingerprint") and getattr(one.surplus, name)
    ]
    if one.surplus.fingerprint:
        others.append(tag("span", "fingerprint ≠", class_="unequal"))
    yield joined(others, ", ")


def contradictions(report: Report) -> Markup:
    """Counters that do not fit one another."""
    if not report.contradictions:
        return Markup("")
    rows: list[list[Child]] = [
        [
            key(one.key),
            f"{one.period}-{one.part}" if one.part else one.period,
            "the counter of the month against that of the day" if one.part else "its parts against its total",
            number(one.held),
            number(one.expected),
            difference(one.held - one.expected),
        ]
        for one in report.contradictions[:ROWS_SHOWN]
    ]
    return tag(
        "section",
        tag("h2", "Counters that contradict one another"),
        tag("p", "Each call goes into the counter of its month and into that of its day: they must fit."),
        table(["Key", "Period", "What is compared", "#Held", "#Expected", "#Difference"], rows),
        more(report.contradictions_found, len(report.contradictions)),
    )


def repeated_objects(report: Report) -> Markup:
    """Objects of the lake with rows that are there already."""
    if not report.repeated_objects:
        return Markup("")
    rows: list[list[Child]] = [
        [tag("code", one.object), tag("code", one.copy_of), number(one.rows)]
        for one in report.repeated_objects[:ROWS_SHOWN]
    ]
    return tag(
        "section",
        tag("h2", "Objects that repeat others"),
        tag("p", "Firehose may deliver twice. Each event counts once, so that these change no figure."),
        table(["Object", "Repeats rows of", "#Rows"], rows),
        more(len(report.repeated_objects), len(report.repeated_objects)),
    )


def key(name: str) -> Markup:
    """A key's name; what a reserved one stands for is said."""
    outcome = OUTCOME_OF_KEY.get(name)
    what = "" if outcome is None else tag("div", f"({outcome.value})", class_="faint")
    return tag("td", tag("bdi", name), what, class_="key")
