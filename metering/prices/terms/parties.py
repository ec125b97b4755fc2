"""The two sides of an invoice, as they are printed."""

from __future__ import annotations

from dataclasses import dataclass

from metering.prices.documents import PartyDocument


@dataclass(frozen=True, slots=True)
class Party:
    """The seller or a customer. Everything is as it was given."""

    name: str
    address: tuple[str, ...] = ()
    tax_id: str | None = None

    def document(self) -> PartyDocument:
        """The same as it is part of an invoice."""
        found: PartyDocument = {"name": self.name, "address": list(self.address)}
        return found if self.tax_id is None else {**found, "tax_id": self.tax_id}
