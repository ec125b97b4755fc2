"""Structured logs, and metrics in the log (EMF), by Powertools. Built when a function first runs.

A metric that is sent in every hour of a month costs 0.30 USD, so that by default only those are sent that an
essential alarm watches, and a fault only when there is one. All numbers are in the log either way, where Logs
Insights finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from adapters.settings.functions import sends_all_metrics

ESSENTIAL: Final = frozenset(
    {
        "ControlMessages",
        "Drift",
        "ErrorObjects",
        "FailedBatches",
        "IssuerFailures",
        "Malformed",
        "Refused",
        "SourceGaps",
        "StoreFailures",
    }
)
"""Metrics that essential alarms watch."""

ALSO_ZERO: Final = frozenset({"Drift", "Refused"})
"""Their alarms keep their state while there is no data, so that it takes a zero to end them."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Log and metrics of one function. Nothing of a call's own data goes into them."""

    logger: Logger
    metrics: Metrics
    sends_all: bool = True
    """Whether every number is a metric, those of 0 too, so that a graph shows that nothing happened."""

    def count(self, numbers: Mapping[str, int]) -> None:
        """Write numbers to the log, and send those that are metrics."""
        sent = {name: number for name, number in numbers.items() if self._is_sent(name, number)}
        rest = {name: number for name, number in numbers.items() if number and name not in sent}
        if not sent:
            self.logger.info("numbers", extra=rest)
            return
        for name, number in sent.items():
            self.metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
        for name, number in rest.items():
            self.metrics.add_metadata(key=name, value=number)
        self.metrics.flush_metrics()

    def _is_sent(self, name: str, number: int) -> bool:
        return self.sends_all or (name in ESSENTIAL and (number != 0 or name in ALSO_ZERO))


def telemetry(
    service: str | None = None, namespace: str | None = None, *, sends_all: bool | None = None
) -> Telemetry:
    """The telemetry of a function, named as here or by its variables (`POWERTOOLS_`…, `METRICS`).

    Raises:
        Misconfigured: `METRICS` is neither `all` nor `essential`.
    """
    wanted = sends_all_metrics() if sends_all is None else sends_all
    return Telemetry(Logger(service), Metrics(service, namespace), wanted)
