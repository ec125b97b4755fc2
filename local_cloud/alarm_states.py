"""The state of an alarm of one metric, or of one that is filled, as CloudWatch finds it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

NO_STATE = "INSUFFICIENT_DATA"
"""Of a new alarm."""

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": fmean,
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
}


def in_alarm(alarm: Mapping[str, Any], periods: Sequence[Sequence[float]]) -> bool:
    """Whether an alarm is raised, given the values of each period so far, the latest last."""
    return state_after(alarm, periods) == "ALARM"


def state_after(alarm: Mapping[str, Any], periods: Sequence[Sequence[float]]) -> str:
    """The state of a new alarm after these periods, each looked at when it is over."""
    state = NO_STATE
    for end in range(1, len(periods) + 1):
        latest = periods[:end][-int(alarm["EvaluationPeriods"]) :]
        state = next_state(alarm, [_value(alarm, one) for one in latest], state)
    return state


def next_state(alarm: Mapping[str, Any], values: Sequence[float | None], before: str) -> str:
    """The state after an evaluation, given the value of each period that it looks at (None: no data) and the
    state before it.
    """
    if _is_filled(alarm) and any(value is not None for value in values):
        values = [0 if value is None else value for value in values]
    if alarm["TreatMissingData"] == "ignore" and all(value is None for value in values):
        return before
    breaching = sum(_breaches(alarm, value) for value in values)
    needed = int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))
    return "ALARM" if breaching >= needed else "OK"


def _is_filled(alarm: Mapping[str, Any]) -> bool:
    return "FILL(" in str(alarm.get("Metrics", ""))


def _value(alarm: Mapping[str, Any], values: Sequence[float]) -> float | None:
    statistic = alarm["Statistic"] if "Statistic" in alarm else alarm["Metrics"][0]["MetricStat"]["Stat"]
    return STATISTICS[statistic](values) if values else None


def _breaches(alarm: Mapping[str, Any], value: float | None) -> bool:
    if value is None:
        return bool(alarm["TreatMissingData"] == "breaching")
    return COMPARISONS[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))
