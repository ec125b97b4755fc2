"""The template's alarms, evaluated minute by minute from metrics.

An alarm's periods end when it is evaluated: its window slides, as that of an alarm for which nothing else is
chosen. The meter is taken to have run before: a period that ends before the first minute is left out.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from local_cloud.alarm_states import NO_STATE, next_state
from local_cloud.template.document import Stack, translated
from simulation.soak.metrics import MINUTE, MetricStore, NamedMetric

Values = Mapping[str, float | None]
"""Of one period, by the ids of an alarm's metrics."""

_OPERATORS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FILL: Final = re.compile(r"FILL\((\w+), 0\)")
_QUERY: Final = re.compile(r'SELECT SUM\((\w+)\) FROM "([^"]+)" WHERE (\w+) = \'([^\']+)\'')


class Alarms:
    """The alarms of a stack, and their states."""

    def __init__(self, stack: Stack, metrics: MetricStore) -> None:
        names = [
            name
            for name, resource in translated()["Resources"].items()
            if resource["Type"] == "AWS::CloudWatch::Alarm" and stack.has(name)
        ]
        self.definitions: dict[str, Mapping[str, Any]] = {name: stack.resource(name) for name in names}
        self._states = dict.fromkeys(names, NO_STATE)
        self._metrics = metrics

    def evaluate(self, minute: int) -> set[str]:
        """Evaluate all at the end of a minute: which are raised."""
        for name, alarm in self.definitions.items():
            values = self._values(alarm, minute)
            self._states[name] = next_state(alarm, values, self._states[name])
        return {name for name, state in self._states.items() if state == "ALARM"}

    def _values(self, alarm: Mapping[str, Any], minute: int) -> list[float | None]:
        """The value of each period, the latest last."""
        length = _period(alarm) // MINUTE
        ends = [minute - back * length for back in reversed(range(int(alarm["EvaluationPeriods"])))]
        windows = [(end - length + 1, end) for end in ends if end >= 0]
        if "MetricName" in alarm:
            metric = metric_of(alarm)
            return [self._metrics.statistic(metric, alarm["Statistic"], *window) for window in windows]
        expression = next(q["Expression"] for q in alarm["Metrics"] if q.get("ReturnData", True))
        if query := _QUERY.fullmatch(expression):
            name, namespace, dimension, value = query.groups()
            metric = NamedMetric(namespace, name, (dimension, value))
            return [self._metrics.statistic(metric, "Sum", *window) for window in windows]
        return computed(expression, [self._of_period(alarm, *window) for window in windows])

    def _of_period(self, alarm: Mapping[str, Any], first: int, last: int) -> Values:
        return {
            query["Id"]: self._metrics.statistic(
                metric_of(query["MetricStat"]["Metric"]), query["MetricStat"]["Stat"], first, last
            )
            for query in alarm["Metrics"]
            if "MetricStat" in query
        }


def length_in_minutes(alarm: Mapping[str, Any]) -> int:
    """How far back an alarm looks."""
    return int(alarm["EvaluationPeriods"]) * _period(alarm) // MINUTE


def computed(expression: str, periods: Sequence[Values]) -> list[float | None]:
    """What an expression makes of the metrics of each period; None: no data. `FILL(x, 0)` has a value in
    every period if x has one in any.
    """
    filled = {name for name in _FILL.findall(expression) if any(one[name] is not None for one in periods)}
    tree = ast.parse(_FILL.sub(r"\1", expression), mode="eval").body
    return [
        _value(tree, {name: 0 if value is None and name in filled else value for name, value in one.items()})
        for one in periods
    ]


def _value(node: ast.expr, values: Values) -> float | None:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int(number)):
            return number
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _value(left, values), _value(right, values)
            return None if one is None or other is None else _OPERATORS[type(op)](one, other)
    raise ValueError(f"an expression of an alarm that is not understood here: {ast.unparse(node)}")


def metric_of(one: Mapping[str, Any]) -> NamedMetric:
    """The metric that an alarm, or a query of one, names."""
    ((dimension),) = one["Dimensions"]
    return NamedMetric(one["Namespace"], one["MetricName"], (dimension["Name"], dimension["Value"]))


def _period(alarm: Mapping[str, Any]) -> int:
    if "Period" in alarm:
        return int(alarm["Period"])
    return int(
        next(q["MetricStat"]["Period"] if "MetricStat" in q else q["Period"] for q in alarm["Metrics"])
    )
