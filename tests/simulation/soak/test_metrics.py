"""Metrics from the functions' logs."""

from __future__ import annotations

import pytest
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from adapters.telemetry import Telemetry
from simulation.soak.cost import BilledUnits, Cost
from simulation.soak.memory import resident_bytes
from simulation.soak.metrics import MetricStore, NamedMetric, metrics_read_from_output


def test_what_functions_print(capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics that the shipped telemetry prints are read and not shown; all else is shown."""
    store = MetricStore(lambda: 130)
    provider = AmazonCloudWatchEMFProvider(namespace="N", service="watch")
    tools = Telemetry(Logger("soak.test", level="CRITICAL"), Metrics(provider=provider))
    with metrics_read_from_output(store):
        tools.count({"FailedBatches": 3})
        tools.count({"FailedBatches": 4})
        print("shown")
    metric = NamedMetric("N", "FailedBatches", ("service", "watch"))
    assert "shown\n" == capsys.readouterr().out
    assert (7, 4, None) == (
        store.statistic(metric, "Sum", 0, 2),
        store.statistic(metric, "Maximum", 2, 2),
        store.statistic(metric, "Sum", 0, 1),
    )
    assert {metric: 7} == store.sums(2)


def test_cost() -> None:
    """A minute costs what came since the minute before, at list prices."""
    cost = Cost()
    first = cost.of_minute(BilledUnits(write_units=1_000_000, lambda_runs=1_000_000, shard_minutes=120))
    assert 0.625 + 0.20 + 2 * 0.015 == pytest.approx(first)
    assert 0 == cost.of_minute(BilledUnits(write_units=1_000_000, lambda_runs=1_000_000))


def test_memory() -> None:
    """This process holds something, and not all of the machine's."""
    assert 2**20 < resident_bytes() < 2**36
