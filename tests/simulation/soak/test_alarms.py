"""The template's alarms over minutes of metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.template.document import Stack
from simulation.soak.alarms import Alarms, Values, computed, length_in_minutes, metric_of
from simulation.soak.metrics import MINUTE, MetricStore, NamedMetric

STACK = Stack({"Monitoring": "full"})


class Minutes:
    """A store that is filled minute by minute, and the alarms over it."""

    def __init__(self) -> None:
        self.minute = 0
        self.store = MetricStore(lambda: self.minute * MINUTE)
        self.alarms = Alarms(STACK, self.store)

    def play(self, *values: tuple[NamedMetric, list[float]]) -> Iterator[set[str]]:
        """Play metrics, a value a minute; what is raised at the end of each."""
        for minute in range(max(len(series) for _, series in values)):
            self.minute = minute
            for metric, series in values:
                if series[minute] >= 0:
                    self.store.put(metric, series[minute])
            yield self.alarms.evaluate(minute)


def own(name: str, service: str = "stream_processor") -> NamedMetric:
    """A metric that a function sends."""
    return NamedMetric("UsageMeter/usage-meter", name, ("service", service))


NO_DATA = -1.0


def raised(name: str, *values: tuple[NamedMetric, list[float]]) -> list[int]:
    """The minutes at whose end an alarm is raised."""
    return [minute for minute, found in enumerate(Minutes().play(*values)) if name in found]


def test_three_of_five_minutes() -> None:
    """The window slides with each minute, and the alarm ends when too few minutes in it are bad."""
    assert [3, 4] == raised("BatchesCutShortAlarm", (own("BatchesCutShort"), [1, 0, 2, 1, 0, 0, 0, 0]))


def test_periods_of_several_minutes() -> None:
    """Two of three periods of three minutes without a heartbeat; the windows slide, so that it is raised
    again when heartbeats have come back for three minutes, and ends a minute later.
    """
    heartbeats = [2, 2, 2, *[NO_DATA] * 6, 2, 2, 2, 2]
    assert [8, 11] == raised("HeartbeatMissingAlarm", (own("ControlMessages"), heartbeats))


def test_an_hour_with_one_success() -> None:
    """Is no failure: a retry ends the alarm, and it keeps its state while there is no data."""
    name = STACK.name("ReconciliationFunction")
    errors = NamedMetric("AWS/Lambda", "Errors", ("FunctionName", name))
    assert [1, 2] == raised("ReconciliationFailingAlarm", (errors, [NO_DATA, 1, 1, 0, NO_DATA]))


def test_expressions() -> None:
    """Metrics are put together as the template says; without data there is no value, but what is filled."""
    periods: list[Values] = [{"held": 5.0, "unread": 2000.0}, {"held": None, "unread": None}]
    assert [7.0, 0.0] == computed("FILL(held, 0) + FILL(unread, 0) / 1000", periods)
    assert [2.0, None] == computed("unread / 1000", periods)
    nothing: list[Values] = [{"held": None}, {"held": None}]
    assert [None, None] == computed("FILL(held, 0)", nothing)
    with pytest.raises(ValueError, match="IF"):
        computed("IF(held, 1, 0)", periods)


def test_all_alarms_can_be_evaluated() -> None:
    """None of the template's is left out."""
    alarms = Minutes().alarms
    assert set() == alarms.evaluate(0)
    assert {"CountersLateAlarm", "LakeLateAlarm", "SubscriptionFailingAlarm"} < set(alarms.definitions)
    assert 9 == length_in_minutes(alarms.definitions["HeartbeatMissingAlarm"])
    assert ("QueueName", STACK.resource("UndeliveredEventsAlarm")["Dimensions"][0]["Value"]) == metric_of(
        alarms.definitions["UndeliveredEventsAlarm"]
    ).dimension
