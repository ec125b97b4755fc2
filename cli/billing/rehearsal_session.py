"""One run of `usage-meter invoice --rehearse`: a month by two tariffs, and nothing issued."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from cli.billing.invoice_session import (
    InvoiceOptions,
    explained_refusals,
    invoicing,
    readable_tariff,
    shown,
    unpriced_lines,
)
from cli.common.errors import PROBLEM, CommandError
from cli.common.terminal import Text, table
from metering.prices.adjustment import NotComparable
from metering.prices.money import payable
from metering.prices.rehearsal import Comparison, Rehearsal, rehearse
from metering.results.json_stream import StreamedList
from reconciliation.invoices.exports import unpriced_document

_MOST_SHOWN = 10
"""Of those who pay more, and of those who pay less."""
_WIDTH = 40


def run(options: InvoiceOptions, proposed: Path) -> None:
    """Price the month by both tariffs, and show who pays more or less.

    Raises:
        CommandError: the month is not proven, a tariff cannot be used, or they cannot be compared.
        MeterError, ClientError, BotoCoreError: something could not be read.
    """
    screen = options.screen()
    current, other = readable_tariff(options.tariff), readable_tariff(proposed)
    with shown(screen, options.month) as on_progress, explained_refusals():
        usage = invoicing(options, current, on_progress).proven(options.month).usage
    try:
        found = rehearse(current, other, usage)
    except NotComparable as error:
        raise CommandError(f"{error}: give {proposed} the same currency.", PROBLEM) from error
    if options.account is not None:
        only = tuple(one for one in found.comparisons if one.account == options.account)
        found = replace(found, comparisons=only)
    options.result.write(document(found))
    _show(screen, found)


def document(found: Rehearsal) -> dict[str, object]:
    """A rehearsal as `--json` has it. Money is text."""
    return {
        "month": found.month,
        "accounts": StreamedList(lambda: map(_compared, found.comparisons)),
        "distribution": found.distribution(),
        "pay_more": len(found.more),
        "pay_less": len(found.less),
        "change": {currency: payable(change) for currency, change in found.change_by_currency().items()},
        "unpriced_now": StreamedList(lambda: map(unpriced_document, found.unpriced_now)),
        "unpriced_then": StreamedList(lambda: map(unpriced_document, found.unpriced_then)),
    }


def _compared(one: Comparison) -> dict[str, str]:
    return {
        "account": one.account,
        "currency": one.currency,
        "current": payable(one.current),
        "proposed": payable(one.proposed),
        "change": payable(one.change),
    }


def _show(screen: Console, found: Rehearsal) -> None:
    _show_accounts(screen, [*found.more[:_MOST_SHOWN], *found.less[-_MOST_SHOWN:]])
    left = len(found.more[_MOST_SHOWN:]) + len(found.less[:-_MOST_SHOWN])
    if left:
        screen.print(f"and {left:,} more: see --json")
    screen.print()
    _show_distribution(screen, found.distribution())
    screen.print()
    for currency, change in found.change_by_currency().items():
        now = sum((one.current for one in found.comparisons if one.currency == currency), Decimal(0))
        screen.print(f"In total {_signed(change)} {currency}, now {payable(now)}", markup=False)
    for name, unpriced in (("now", found.unpriced_now), ("under the proposal", found.unpriced_then)):
        for line in unpriced_lines(unpriced):
            screen.print(f"Has no price {name}:{line[1:]}", markup=False, soft_wrap=True)
    unchanged = len(found.comparisons) - len(found.more) - len(found.less)
    counts = f"{len(found.more):,} pay more, {len(found.less):,} less, {unchanged:,} the same"
    screen.print(Text(f"{counts}. Nothing was issued.", "bold"))


def _show_accounts(screen: Console, comparisons: Iterable[Comparison]) -> None:
    numbers = ("now", "proposed", "change")
    rows = table("account", *numbers, "", numbers=numbers)
    for one in comparisons:
        style = "red" if one.change > 0 else "green"
        change = Text(_signed(one.change), style)
        rows.add_row(Text(one.account), payable(one.current), payable(one.proposed), change, one.currency)
    screen.print(rows)


def _show_distribution(screen: Console, counts: dict[str, int]) -> None:
    """A bar for each band; one account is never drawn as none."""
    most = max(counts.values(), default=0) or 1
    rows = table("change", "accounts", "", numbers=("accounts",))
    for band, count in counts.items():
        rows.add_row(band, f"{count:,}", "█" * -(-count * _WIDTH // most))
    screen.print(rows)


def _signed(amount: Decimal) -> str:
    return f"+{payable(amount)}" if amount > 0 else payable(amount)
