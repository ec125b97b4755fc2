"""Answers as CSV, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import singledispatch
from typing import Final

from metering.results.safe_csv import Cell, Typed, csv_text
from usage_api.schemas import (
    Answer,
    BreakdownAnswer,
    CostAnswer,
    InvoicesAnswer,
    KeysAnswer,
    PeriodUsage,
    QuotaAnswer,
    RangeUsage,
    TopAnswer,
    Totals,
    TrafficAnswer,
)
from usage_api.totals import METRICS

MEDIA_TYPE: Final = "text/csv"


@singledispatch
def rows_of(answer: Answer) -> Iterable[Sequence[Cell]]:
    """The rows of an answer, the first with the names of the columns.

    Raises TypeError for an answer that is no table.
    """
    raise TypeError(f"{type(answer).__name__} is not a table")


@rows_of.register
def _(answer: PeriodUsage) -> Iterable[Sequence[Cell]]:
    yield ("key", "period", "requests")
    for part in answer.parts:
        yield (answer.key, Typed(part.period), part.requests)


@rows_of.register
def _(answer: RangeUsage) -> Iterable[Sequence[Cell]]:
    yield ("key", "period", *METRICS)
    for part in answer.parts:
        yield (answer.key, Typed(part.period), *_cells(part.totals))


@rows_of.register
def _(answer: QuotaAnswer) -> Iterable[Sequence[Cell]]:
    columns = ("metric", "span", "kind", "mode", "amount", "used", "remaining")
    yield ("key", "plan", *columns, "resets_at", "denies", "unknown_sizes")
    for limit in answer.limits:
        values = (getattr(limit, name) for name in columns)
        resets_at = Typed(limit.resets_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        denies = Typed(str(limit.denies).lower())
        yield (answer.key, answer.plan, *values, resets_at, denies, limit.unknown_sizes)


@rows_of.register
def _(answer: CostAnswer) -> Iterable[Sequence[Cell]]:
    yield ("key", "account", "month", "line", "quantity", "to_date", "projected", "currency", "unknown_sizes")
    for line in answer.lines:
        amounts = (line.quantity, Decimal(line.to_date), Decimal(line.projected))
        head = (answer.key, answer.account, Typed(answer.period), line.line)
        yield (*head, *amounts, answer.currency, line.unknown_sizes)


@rows_of.register
def _(answer: BreakdownAnswer) -> Iterable[Sequence[Cell]]:
    yield ("key", "month", "method", "route", "status", "requests")
    for one in answer.endpoints:
        yield (answer.key, Typed(answer.period), one.method, one.route, one.status, one.requests)
    if answer.other_requests:
        yield (answer.key, Typed(answer.period), "", "(others)", None, answer.other_requests)


@rows_of.register
def _(answer: InvoicesAnswer) -> Iterable[Sequence[Cell]]:
    yield ("account", "invoice", "month", "kind", "number", "date", "total", "amount_due", "currency")
    for one in answer.invoices:
        names = (answer.account, Typed(one.invoice), Typed(one.month), one.kind, one.number, one.date)
        yield (*names, Decimal(one.total), Decimal(one.amount_due), one.currency)


@rows_of.register
def _(answer: KeysAnswer) -> Iterable[Sequence[Cell]]:
    yield ("key", "plan", "account", "status", "name")
    for entry in answer.keys:
        yield (entry.key, entry.plan, entry.account, entry.status, entry.name)


@rows_of.register
def _(answer: TrafficAnswer) -> Iterable[Sequence[Cell]]:
    yield ("hour", "calls", "errors")
    for part in answer.hours:
        yield (Typed(part.period), part.calls, part.errors)


@rows_of.register
def _(answer: TopAnswer) -> Iterable[Sequence[Cell]]:
    yield ("key", "period", *METRICS)
    for entry in answer.keys:
        yield (entry.key, Typed(answer.period), *_cells(entry.totals))


def is_table(kind: type[Answer]) -> bool:
    """Whether answers of a kind can be CSV."""
    return rows_of.dispatch(kind) is not rows_of.dispatch(Answer)


def written(answer: Answer) -> str:
    """An answer as CSV."""
    return csv_text(rows_of(answer))


def _cells(totals: Totals) -> list[int]:
    return [getattr(totals, name) for name in METRICS]
