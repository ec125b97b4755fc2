"""What is said where the tariff contradicts what was billed: which invoices, what it would come to, and what
to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from metering.period import Period
from metering.prices.repricing import Contradiction
from reconciliation.invoices.ports import CannotInvoice

MOST_SHOWN: Final = 10
"""Contradictions of a tariff that a refusal names."""


def refuse_contradictions(found: Sequence[Contradiction], month: Period) -> None:
    """Say which invoices the tariff contradicts, what it would come to, and what to write instead."""
    if not found:
        return
    shown = "\n".join(f"  {line}" for one in found[:MOST_SHOWN] for line in _contradiction(one))
    more = f"\n  and {len(found) - MOST_SHOWN:,} more" if len(found) > MOST_SHOWN else ""
    raise CannotInvoice(
        f"the tariff says otherwise than {len(found):,} invoices of earlier months, and nothing was issued:\n"
        f"{shown}{more}\nWhere these months are to be billed again on purpose, run "
        f"`usage-meter invoice {month}` with --reprice REASON"
    )


def _contradiction(one: Contradiction) -> Iterator[str]:
    yield f"{one.month} {one.account}: {one.says}"
    for line in one.adjustments:
        change = f"billed {line.billed}, now {line.repriced}"
        yield f"  {line.line}: {change}: {line.amount:+} {line.repriced_month.version.currency}"
    yield f"  instead: {one.remedy}"
