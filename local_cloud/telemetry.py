"""Telemetry of functions that run in a process with a terminal: nothing is printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger, Metrics

from adapters.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class QuietTelemetry(Telemetry):
    """Adds metrics up instead of writing them to a log."""

    totals: Counter[str] = field(default_factory=Counter)
    """The metrics of all invocations so far."""

    def count(self, numbers: Mapping[str, int]) -> None:
        """Add to the totals."""
        self.totals.update(numbers)


def quiet_telemetry(service: str) -> QuietTelemetry:
    """The telemetry of a function of that name. Its logger says nothing below CRITICAL."""
    logger = Logger(f"local.{service}", level="CRITICAL")
    return QuietTelemetry(logger, Metrics(service, "UsageMeter"))
