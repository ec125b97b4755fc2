"""Metrics in the log, as CloudWatch reads them: the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Datum(NamedTuple):
    """One value of a metric."""

    namespace: str
    service: str
    name: str
    value: float


def metrics_in(text: str) -> list[Datum]:
    """All metrics that a log's lines hold."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [datum for line in lines if "_aws" in line for datum in _data(line)]


def _data(line: dict[str, Any]) -> list[Datum]:
    return [
        Datum(directive["Namespace"], line["service"], metric["Name"], value)
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for value in line[metric["Name"]]
    ]
