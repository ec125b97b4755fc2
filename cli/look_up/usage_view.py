"""Usage and the heaviest keys as a picture in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from rich.console import RenderableType
from rich.table import Table

from cli.common.numbers import of_unknown_size
from cli.common.terminal import Text
from cli.look_up.top_table import TopTable
from cli.look_up.usage_chart import ChartColumn, UsageChart
from metering.period import Period, days_of, hours_of, is_day, is_month
from metering.usage import Usage
from reconciliation.report.verdict import counted
from usage_api.schemas import PeriodUsage, RangeUsage, TopAnswer, Totals


def draw_usage(answer: PeriodUsage | RangeUsage) -> list[RenderableType]:
    """The totals of a key, and a column for each day or hour."""
    whole = answer.period or f"{_first(answer)} to {_last(answer)}"
    heading = Text.assemble((answer.key, "bold"), f"  {whole}, until {moment(answer.ends_at)}")
    return [
        heading,
        Text(),
        totals_table(answer.totals),
        Text(),
        UsageChart(columns_of(answer)),
        Text(),
        *gap_lines(answer),
        completeness_line(answer.as_of, answer.complete_through),
    ]


def gap_lines(answer: PeriodUsage | RangeUsage) -> list[Text]:
    """What is known to be missing before the stream; nothing where nothing is."""
    gap = answer.source_gap
    if gap is None:
        return []
    return [
        Text(
            f"{counted(gap.calls, 'call')} of all keys together did not reach the meter, between "
            f"{moment(gap.begins_at)} and {moment(gap.ends_at)}",
            "bold yellow",
        )
    ]


def draw_top(answer: TopAnswer) -> list[RenderableType]:
    """The heaviest keys, with bars of the metric that orders them."""
    completeness = completeness_line(answer.as_of, answer.complete_through)
    heading = Text(f"Top keys of {answer.period} by {name_of(answer.metric)}", "bold")
    if not answer.keys:
        return [heading, Text("No keys."), Text(), completeness]
    return [heading, Text(), TopTable(answer), Text(), completeness]


def totals_table(totals: Totals | Usage) -> Table:
    """All totals of a set of calls."""
    rows = Table.grid(padding=(0, 3, 0, 0))
    rows.add_column()
    rows.add_column(justify="right")
    rows.add_column(justify="right", style="dim")
    rows.add_row("requests", Text(f"{totals.requests:,}", "bold"), "")
    rows.add_row("billable", f"{totals.billable:,}", share(totals.billable, totals.requests))
    rows.add_row("errors", f"{totals.errors:,}", share(totals.errors, totals.requests))
    rows.add_row(
        "response bytes", f"{totals.response_bytes:,}", of_unknown_size(totals.unknown_response_sizes)
    )
    rows.add_row("request bytes", f"{totals.request_bytes:,}", of_unknown_size(totals.unknown_request_sizes))
    if totals.requests:
        rows.add_row("mean latency", f"{totals.latency_ms / totals.requests:,.1f} ms", "")
    return rows


def columns_of(answer: PeriodUsage | RangeUsage) -> list[ChartColumn]:
    """A column for each day or hour of what was asked for, also for those without requests."""
    if isinstance(answer, RangeUsage):
        counted = {part.period: part.totals.requests for part in answer.parts}
        parts = days_from(answer.from_, answer.to)
    else:
        counted = {part.period: part.requests for part in answer.parts}
        period = Period(answer.period)
        parts = days_of(period) if is_month(period) else hours_of(period)
    return [ChartColumn(part_label(part), counted.get(part, 0)) for part in parts]


def days_from(first: str, last: str) -> Sequence[Period]:
    """The days from one to another, both included."""
    start = date.fromisoformat(first)
    count = (date.fromisoformat(last) - start).days + 1
    return [Period((start + timedelta(days=number)).isoformat()) for number in range(count)]


def part_label(part: Period) -> str:
    """`11-05` for a day, `07h` for an hour."""
    return part[5:] if is_day(part) else f"{part[11:]}h"


def completeness_line(as_of: datetime, complete_through: datetime | None) -> Text:
    """When an answer was made, and up to when all calls are in it."""
    if complete_through is None:
        return Text(f"As of {moment(as_of)}; how complete that is, is not yet known", "dim")
    behind = int((as_of - complete_through).total_seconds())
    before = f", {_span(behind)} before" if behind >= 0 else ""
    return Text(
        f"As of {as_of:%Y-%m-%d %H:%M:%S}, complete through {moment(complete_through)}{before}", "dim"
    )


def _span(seconds: int) -> str:
    """A time span in the largest unit of which it has two."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,} {unit}"
    return f"{seconds} s"


def moment(time: datetime) -> str:
    """A time as people read it."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def share(part: int, whole: int) -> str:
    """A percentage; nothing where there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else ""


def name_of(metric: str) -> str:
    """A metric as people say it."""
    return metric.replace("_", " ")


def _first(answer: PeriodUsage | RangeUsage) -> str:
    return answer.from_ if isinstance(answer, RangeUsage) else answer.period


def _last(answer: PeriodUsage | RangeUsage) -> str:
    return answer.to if isinstance(answer, RangeUsage) else answer.period
