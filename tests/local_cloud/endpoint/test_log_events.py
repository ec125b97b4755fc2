"""What a log group of the local cloud keeps: all of it, and little of it in memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import pytest
from moto.core.common_models import BaseModel
from moto.logs.models import LogEvent

from local_cloud.endpoint.log_events import StoredLogEvents, untracked
from local_cloud.endpoint.server import LocalEndpoint


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint with a log group."""
    with LocalEndpoint() as running:
        logs = running.client("logs")
        logs.create_log_group(logGroupName="g")
        logs.create_log_stream(logGroupName="g", logStreamName="s")
        yield running


def test_events_are_as_they_were_put(endpoint: LocalEndpoint) -> None:
    """By both ways to read them, in their order, whatever is in them."""
    logs, now = endpoint.client("logs"), round(endpoint.clock.now().timestamp() * 1000)
    messages = ["one", "zwei \u00fc \U0001f600", "x" * 100_000, "one"]
    for number in (0, 2):
        events = [
            {"timestamp": now + number + offset, "message": messages[number + offset]} for offset in (0, 1)
        ]
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    read = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["events"]
    assert [(now + number, message) for number, message in enumerate(messages)] == [
        (one["timestamp"], one["message"]) for one in read
    ]
    found = logs.filter_log_events(logGroupName="g", filterPattern="one", startTime=now + 1)["events"]
    assert [(now + 3, "one")] == [(one["timestamp"], one["message"]) for one in found]
    (stream,) = logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert (now, now + 3) == (stream["firstEventTimestamp"], stream["lastEventTimestamp"])
    assert [] == LogEvent.instances_tracked  # type: ignore[attr-defined]


def test_memory_of_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under 100 bytes, with a message of 1,000; and moto keeps no other reference to it."""
    monkeypatch.setattr(BaseModel, "__new__", untracked)
    events = StoredLogEvents()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(200):
            events += [LogEvent(1, {"timestamp": number, "message": f"{number:01000d}"}) for _ in range(10)]
        gc.collect()  # the tests run with a collector that comes by seldom
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2_000 * 100
    assert (2_000, f"{199:01000d}") == (len(events), list(events)[-1].message)
    assert [] == LogEvent.instances_tracked  # type: ignore[attr-defined]
