"""Structured logs, metrics in the log (EMF) and X-Ray, by Powertools. Built when a function first runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The three of one function. Nothing of a call's own data goes into them."""

    logger: Logger
    metrics: Metrics
    tracer: Tracer

    def count(self, numbers: Mapping[str, int]) -> None:
        """Write metrics to the log; those of 0 too, so that a graph shows that nothing happened."""
        for name, number in numbers.items():
            self.metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
        self.metrics.flush_metrics()


def telemetry(service: str | None = None, namespace: str | None = None) -> Telemetry:
    """The telemetry of a function, named as here or by its POWERTOOLS_ variables.

    Outside of Lambda nothing is traced.
    """
    return Telemetry(Logger(service), Metrics(service, namespace), Tracer(service, auto_patch=False))
