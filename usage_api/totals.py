"""Usages as the answers show them."""

from __future__ import annotations

from typing import Final

from metering.usage import Usage
from usage_api.schemas import Totals

METRICS: Final = tuple(Totals.model_fields)
"""What is shown of a usage: all but the fingerprint, which is for reconciliation."""


def totals_of(usage: Usage) -> Totals:
    """The totals that are shown of a usage."""
    return Totals(**{name: getattr(usage, name) for name in METRICS})
