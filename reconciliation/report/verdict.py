"""What a report comes to, in a word and in a sentence. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from metering.period import Period, begins_at
from reconciliation.model.causes import HARMLESS
from reconciliation.model.report import Report


class Conclusion(StrEnum):
    """The word."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_SETTLED = "not settled"
    """Compared before both ways were complete, or nothing could be compared yet: it may change by itself."""
    REFUSED = "refused"


class Verdict(NamedTuple):
    """The word, and what there is to say to it."""

    conclusion: Conclusion
    sentence: str


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def verdict(report: Report) -> Verdict:
    """What the report comes to."""
    name = month_name(report.month)
    if report.refused:
        return Verdict(
            Conclusion.REFUSED,
            f"Nothing was compared: {name} is not complete yet, in the counters or in the lake.",
        )
    if report.compared_until == begins_at(report.month):
        return Verdict(Conclusion.NOT_SETTLED, f"Nothing was compared: no day of {name} is complete yet.")
    found = _agreement(report) if report.agrees else _disagreement(report)
    if not report.is_settled:
        return Verdict(
            Conclusion.NOT_SETTLED,
            f"{found} Not all of it had arrived when it was compared: this may change.",
        )
    return Verdict(Conclusion.AGREES if report.agrees else Conclusion.DIFFERS, found)


def month_name(month: Period) -> str:
    """Such as `October 2026`, whatever the machine's language."""
    return f"{_MONTHS[int(month[5:]) - 1]} {month[:4]}"


def span(report: Report) -> str:
    """What was compared: the month, or its first days."""
    name = month_name(report.month)
    if report.compared_until is None:
        return name
    last = (report.compared_until - timedelta(days=1)).day
    return f"the 1st of {name}" if last == 1 else f"{name} until the end of the {ordinal(last)}"


def ordinal(number: int) -> str:
    """Such as `22nd`."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def counted(number: int, thing: str, things: str = "") -> str:
    """Such as `1 difference` and `2,000 differences`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def extent(report: Report) -> str:
    """How much differs: places, so that one wrong call is one, and rows that were altered."""
    phrases = [
        _some(report.places, "difference", "differences"),
        _some(report.altered_rows, "altered row", "altered rows"),
        _some(len(report.unreadable), "unreadable place", "unreadable places"),
    ]
    return enumerated([part for part in phrases if part])


def _agreement(report: Report) -> str:
    events = report.tally.total.counted.requests
    if events == 0:
        return f"Neither the counters nor the lake hold any call of {span(report)}."
    return (
        f"The counters and the lake hold the same {counted(events, 'event')} of {span(report)}: "
        f"every count, every sum and every fingerprint is equal.{_earlier_version(report)}"
    )


def _earlier_version(report: Report) -> str:
    """What counters of an earlier version of the meter do not know, and what is no difference therefore."""
    counters, in_lake = report.tally.total.counted, report.tally.total.in_lake
    known = counters.unknown_response_sizes + counters.unknown_request_sizes
    all_of_them = in_lake.unknown_response_sizes + in_lake.unknown_request_sizes
    if known == all_of_them:
        return ""
    return (
        f" Of {all_of_them:,} sizes that are not known the counters know {known:,}: the other calls were "
        "counted before the meter knew this total."
    )


def _disagreement(report: Report) -> str:
    """How many figures differ, and of which kind."""
    phrases = [
        _some(report.places, "difference", "differences"),
        _some(report.altered_rows, "row of the lake was altered", "rows of the lake were altered"),
    ]
    listed = enumerated([part for part in phrases if part])
    return f"The counters and the lake of {span(report)} do not hold the same: {listed}.{_named(report)}"


def _some(number: int, thing: str, things: str) -> str:
    return counted(number, thing, things) if number else ""


def _named(report: Report) -> str:
    number = sum(finding.cause not in HARMLESS for finding in report.findings)
    if number == 0:
        return ""
    return f" {counted(number, 'item is', 'items are')} explained below."


def enumerated(parts: list[str]) -> str:
    """Such as `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
