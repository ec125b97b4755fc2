"""One run of `usage-meter cost`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import typer
from rich.console import Console

from adapters.dynamodb.counter_reader import CounterReader
from adapters.s3.bucket import Bucket
from adapters.s3.tariffs import S3Tariffs
from cli.billing.invoice_session import readable_tariff, unpriced_lines
from cli.common.bootstrap import Target, target, unknown_note
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.terminal import Text, table
from metering.counters.counter import Counter
from metering.period import Period
from metering.prices.invoice import without_size
from metering.prices.money import payable
from metering.prices.month_to_date import RunningCost, RunningMonth, running_month
from metering.prices.statement import KeyUsage, MonthUsage, Statement
from metering.prices.tariff import KEY_ACCOUNT, Tariff
from metering.prices.tariff_file import read_tariff
from metering.results.json_stream import StreamedList
from metering.usage import NO_USAGE, Usage
from metering.visible_text import visible
from reconciliation.invoices.exports import unpriced_document

NOT_PROVEN = (
    "Not proven: figures are from the counters. Invoices are made from the lake, after a "
    "reconciliation without differences."
)


def run(account: str | None, file: Path | None, stack: str, out: Output) -> None:
    """Show the cost of the running month.

    Raises:
        CommandError: there is no such account, or no tariff.
        MeterError: something could not be read.
        typer.Exit: with 1, if calls have no price.
    """
    where, now = target(stack), datetime.now(UTC)
    tariff = readable_tariff(file) if file is not None else published_tariff(where)
    month = Period(f"{now:%Y-%m}")
    found = running_month(tariff, _usage(where, tariff, month, account), now)
    shown = [one for one in found.costs if account in (None, one.to_date.account)]
    if account is not None and not shown:
        note = "" if account in tariff.accounts else unknown_note(where, account.removeprefix(KEY_ACCOUNT))
        raise CommandError(f"{visible(account)} has no cost in {month}: {_known(tariff)} {note}", PROBLEM)
    unpriced = found.unpriced if account is None else ()
    out.write(_document(found, shown, now))
    screen = out.picture()
    _show(screen, shown, now)
    for line in unpriced_lines(unpriced):
        screen.print(f"Without a price:{line[1:]}", markup=False, soft_wrap=True)
    if unpriced:
        raise typer.Exit(PROBLEM)


def published_tariff(where: Target) -> Tariff:
    """The tariff in force.

    Raises:
        CommandError: none was published.
    """
    bucket = Bucket(where.client("s3"), where.deployment.reconciliation.lake_bucket)
    latest = S3Tariffs(bucket).latest()
    if latest is None:
        raise CommandError(
            "No tariff is in force: publish one with `usage-meter tariff publish tariff.yaml`, or give a "
            "file with --tariff.",
            PROBLEM,
        )
    return read_tariff(latest.value)


def _usage(where: Target, tariff: Tariff, month: Period, account: str | None) -> MonthUsage:
    """What has been counted of the month: of all keys, or of an account's."""
    reader = CounterReader(where.client("dynamodb"), where.deployment.reconciliation.counters_table)
    if account is None:
        counters: Iterable[Counter] = reader.of_period(Period(month))
    elif account in tariff.accounts:
        counters = reader.of_keys(tariff.accounts[account].keys_in(month), Period(month))
    else:
        counters = reader.of_keys([account.removeprefix(KEY_ACCOUNT)], Period(month))
    by_key: dict[str, Usage] = {}
    for counter in counters:
        if counter.period == month:
            by_key[counter.key] = by_key.get(counter.key, NO_USAGE) + counter.usage
    return MonthUsage(month, tuple(KeyUsage.of(key, used) for key, used in sorted(by_key.items())), "")


def _known(tariff: Tariff) -> str:
    return f"the tariff has {', '.join(map(visible, tariff.accounts)) or 'no accounts'}."


def _amounts(statement: Statement) -> dict[str, tuple[int, Decimal]]:
    """Quantity and amount of each line."""
    lines = {line.price.id: (line.quantity, line.amount) for line in statement.lines}
    commitment = statement.commitment
    return {**lines, **({commitment.id: (0, commitment.amount)} if commitment else {})}


def _unknown_sizes(statement: Statement) -> dict[str, int]:
    """Of each line on bytes: the calls that it charges as 0 bytes, since their size is not known."""
    found = {line.price.id: statement.unknown_sizes(line.price.metric) for line in statement.lines}
    return {line: calls for line, calls in found.items() if calls}


def _document(found: RunningMonth, costs: Sequence[RunningCost], now: datetime) -> dict[str, object]:
    return {
        "month": found.month,
        "as_of": now.isoformat(timespec="seconds"),
        "proven": False,
        "accounts": StreamedList(lambda: map(_account, costs)),
        "unpriced": StreamedList(lambda: map(unpriced_document, found.unpriced)),
    }


def _account(one: RunningCost) -> dict[str, object]:
    now, then, unknown = _amounts(one.to_date), _amounts(one.projected), _unknown_sizes(one.to_date)
    return {
        "account": one.to_date.account,
        "currency": one.to_date.version.currency,
        "to_date": payable(one.to_date.total),
        "projected": payable(one.projected.total),
        "lines": [
            {
                "line": line,
                "quantity": now.get(line, (0, Decimal()))[0],
                "unknown_sizes": unknown.get(line, 0),
                "to_date": payable(now.get(line, (0, Decimal()))[1]),
                "projected": payable(then.get(line, (0, Decimal()))[1]),
            }
            for line in {**now, **then}
        ],
    }


def _show(screen: Console, costs: Sequence[RunningCost], now: datetime) -> None:
    numbers = ("quantity", "to date", "at this pace")
    rows = table("account", "line", *numbers, "", numbers=numbers)
    for one in costs:
        today, end = _amounts(one.to_date), _amounts(one.projected)
        for line in {**today, **end}:
            (count, amount), (_, later) = (lines.get(line, (0, Decimal())) for lines in (today, end))
            name = Text(visible(one.to_date.account))
            currency = one.to_date.version.currency
            rows.add_row(name, line, f"{count:,}", payable(amount), payable(later), currency)
        sums = (payable(one.to_date.total), payable(one.projected.total))
        rows.add_row("", Text("together", "bold"), "", *sums, one.to_date.version.currency)
    screen.print(rows)
    for one in costs:
        for line, calls in _unknown_sizes(one.to_date).items():
            note = f"{visible(one.to_date.account)}, {line}: {without_size(calls)}."
            screen.print(note, markup=False, soft_wrap=True)
    screen.print(f"\nAs of {now:%Y-%m-%d %H:%M:%S}. {NOT_PROVEN}", soft_wrap=True)
