"""An invocation ends in time, and every attempt moves on."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from adapters.dynamodb.hot_path.conditional_writes import client
from adapters.settings.functions import StreamProcessorSettings
from adapters.telemetry import telemetry
from local_cloud.log_metrics import metrics_in
from stream_processor.handler import make_handler, make_processor
from stream_processor.time_limit import ALERT_SECONDS, RESERVED_SECONDS, TimeLimit
from tests.stream_processor.test_handler import SEQUENCE, Context, counters
from tests.tables import Tables, create_tables

RECORDS, CALLS = 18, 5
NOON_MS = 1_793_275_200_000


@pytest.fixture
def tables(moto: str) -> Tables:
    """New tables."""
    return create_tables(moto)


def record(number: int, slot_ms: int) -> dict[str, Any]:
    """A record of calls of new keys, each call so much later than the one before."""
    events = []
    for call in range(number * CALLS, number * CALLS + CALLS):
        line = {
            "extendedRequestId": f"call-{call}",
            "apiKeyId": f"key-{call}",
            "requestTimeEpoch": str(NOON_MS + call * slot_ms),
            "status": "200",
        }
        logged = NOON_MS + call * slot_ms
        events.append({"id": str(call), "timestamp": logged, "message": json.dumps(line)})
    envelope = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events}).encode()
    return {
        "eventID": f"shardId-000000000003:{SEQUENCE + number}",
        "kinesis": {
            "sequenceNumber": str(SEQUENCE + number),
            "data": base64.b64encode(gzip.compress(envelope)).decode(),
            "approximateArrivalTimestamp": 1_793_275_201.25,
        },
    }


def ticking() -> Callable[[], float]:
    """A clock that goes on by a second whenever it is looked at: before each write."""
    return map(float, count()).__next__


class TestMovesOn:
    @pytest.mark.parametrize(
        "slot_ms",
        [pytest.param(0, marks=pytest.mark.exhaustive), 5_000],
        ids=["new keys", "and a slot for each"],
    )
    def test_every_attempt(self, tables: Tables, slot_ms: int, capsys: pytest.CaptureFixture[str]) -> None:
        """A batch that takes several times as long as there is time is done in several attempts. Each begins
        where the one before ended, some records later, and in the end each call is counted once.
        """
        limit = TimeLimit(ticking())
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger, "WRITE_CONCURRENCY": "1"}
        )
        handle = make_handler(
            make_processor(settings, client(1, **tables.where), limit=limit),
            telemetry("stream_processor", "UsageMeter"),
            limit=limit,
        )
        left = [record(number, slot_ms) for number in range(RECORDS)]
        attempts = given_back = cut_short = 0
        while left:
            attempts += 1
            failures = handle({"Records": left}, Context())["batchItemFailures"]
            numbers = [one["kinesis"]["sequenceNumber"] for one in left]
            done = numbers.index(failures[0]["itemIdentifier"]) if failures else len(left)
            assert done > 0
            left = left[done:]
            metrics = {datum.name: datum.value for datum in metrics_in(capsys.readouterr().out)}
            given_back += int(metrics["BatchesGivenBack"])
            cut_short += int(metrics["BatchesCutShort"])
        assert attempts > 2
        assert (attempts - 1, 0) == (given_back, cut_short)
        found = counters(tables)
        assert {1} == {usage.requests for usage in found.values()}
        assert RECORDS * CALLS == len({key for key, _ in found})

    def test_no_time_at_all(self, tables: Tables) -> None:
        """Where there is no time nothing is begun, and everything is given back."""
        limit = TimeLimit(ticking())
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
        )
        processor = make_processor(settings, client(1, **tables.where), limit=limit)
        handle = make_handler(processor, telemetry("stream_processor", "UsageMeter"), limit=limit)
        context = Context(milliseconds=int(RESERVED_SECONDS * 1000))
        expected = {"batchItemFailures": [{"itemIdentifier": str(SEQUENCE)}]}
        assert expected == handle({"Records": [record(0, 0), record(1, 0)]}, context)
        assert {} == counters(tables)


class TestLimit:
    def test_before_the_first(self) -> None:
        """Without an invocation there is no limit."""
        limit = TimeLimit(lambda: 1e9)
        assert not limit.is_over_for_claims()
        assert not limit.is_over_for_increments()
        assert not limit.is_over_for_alerts()
        assert not limit.was_reached

    def test_shares(self) -> None:
        """Claims have half of the time that increments have; thresholds have more, and none has all."""
        now = 1000.0
        limit = TimeLimit(lambda: now)
        limit.begin(120.0)
        ends = []
        for is_over in (limit.is_over_for_claims, limit.is_over_for_increments, limit.is_over_for_alerts):
            now = 1000.0
            while not is_over():
                now += 1
            ends.append(now - 1000)
        assert [(120 - RESERVED_SECONDS) / 2, 120 - RESERVED_SECONDS, 120 - ALERT_SECONDS] == ends
        assert limit.was_reached

    def test_next_invocation(self) -> None:
        """Each invocation has its own."""
        limit = TimeLimit(lambda: 0.0)
        limit.begin(0.0)
        assert limit.is_over_for_increments()
        limit.begin(120.0)
        assert not limit.is_over_for_increments()
        assert not limit.was_reached
