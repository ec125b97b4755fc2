"""A soak of three rounds of two minutes; `make soak` is the long one."""

from __future__ import annotations

import gzip
from base64 import b64decode
from typing import Any

import pytest

from simulation.soak import script
from simulation.soak.faults import DYNAMODB, FaultMode
from simulation.soak.meter import SteppedMeter
from simulation.soak.result import SoakResult
from simulation.soak.run import Soak, SoakSettings
from simulation.soak.script import ScriptedDisturbance
from stream_processor import handler


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> Soak:
    """Two minutes of traffic, in the second of which DynamoDB hangs, and two after them."""
    hanging = ScriptedDisturbance("DynamoDB hanging", 1, 1, faults=((DYNAMODB, FaultMode.HANGING),))
    monkeypatch.setattr(script, "SCRIPT", (hanging,))
    monkeypatch.setattr(script, "COMPARISONS", ())
    monkeypatch.setattr(script, "SHARDS", {1: 3, 2: 2})
    monkeypatch.setattr(script, "MINUTES", 2)
    monkeypatch.setattr(script, "ROUND", 4)
    return Soak(SoakSettings(minutes=0, calls_of_a_tick=5, comparisons=3), lambda _minute: None)


def problems(result: SoakResult) -> list[str]:
    """What is wrong but for alarms, for which two minutes are too short."""
    return [one for one in result.problems if "Alarm" not in one]


@pytest.mark.exhaustive
def test_counts(soak: Soak) -> None:
    """What is sent while DynamoDB hangs is counted when it answers, the alarms see what happened, and the
    last round takes no memory that the one before had not.
    """
    result = soak.run()
    first, second, *_, last = result.minutes
    assert [] == problems(result)
    assert (first.calls, last.calls) == (first.counted, last.counted)
    assert second.faults["dynamodb hanging"] > 0
    assert second.lag_seconds > 30


def _has_calls(record: dict[str, Any]) -> bool:
    data = b64decode(record["kinesis"]["data"])
    return data[:2] == b"\x1f\x8b" and b"DATA_MESSAGE" in gzip.decompress(data)


@pytest.mark.exhaustive
def test_a_meter_that_loses_a_batch(soak: Soak, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is noticed in its minute and at the end, by counters and lake."""
    lost: list[object] = []
    make = handler.make_handler

    def losing(*arguments: Any, **options: Any) -> Any:
        real = make(*arguments, **options)

        def handle(event: dict[str, Any], context: Any) -> Any:
            if not lost and all(map(_has_calls, event["Records"])):
                lost.append(event)
                return {"batchItemFailures": []}
            return real(event, context)

        return handle

    monkeypatch.setattr(handler, "make_handler", losing)
    found = "\n".join(problems(soak.run()))
    assert lost
    assert "the counters were wrong by" in found
    assert "events were sent" in found
    assert "counters and lake differ" in found


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("name", "bytes_kept"),
    [("_invoke_process", 2**21), ("reconcile", 2**23)],
)
def test_a_leak(soak: Soak, monkeypatch: pytest.MonkeyPatch, name: str, bytes_kept: int) -> None:
    """A meter that keeps something of each batch, or of each comparison, is found: 24 MB of a round."""
    kept: list[bytes] = []
    real = getattr(SteppedMeter, name)

    def leaking(*arguments: Any) -> Any:
        kept.append(b"x" * bytes_kept)
        return real(*arguments)

    monkeypatch.setattr(SteppedMeter, name, leaking)
    (problem,) = problems(soak.run())
    assert "memory grew by" in problem
