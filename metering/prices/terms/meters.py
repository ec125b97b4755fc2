"""Further meters, whose usage an invoice adds to that of the stack which issues it."""

from __future__ import annotations

from dataclasses import dataclass

from metering.prices.terms.validity import UNDATED, Validity


@dataclass(frozen=True, slots=True)
class FurtherMeter:
    """A deployed stack of the meter, and the way to it."""

    name: str
    """What invoices call it."""
    stack: str
    region: str | None = None
    """None: that of the stack which issues the invoices."""
    role: str | None = None
    """The ARN of a role to assume, of another AWS account; None: the same credentials."""
    validity: Validity = UNDATED
