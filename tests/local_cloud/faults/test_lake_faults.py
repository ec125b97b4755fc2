"""The lake survives what chaos injects: nothing is lost, and a row that repeats is known by its event id."""

import base64
import gzip
import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from local_cloud.crash import CrashError
from local_cloud.faults.chaos import Chaos
from local_cloud.faults.lake_faults import LakeFaults
from local_cloud.lambda_.function import FunctionError
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.playback.traffic import TrafficSettings, generate
from local_cloud.stack import LocalCloud
from tests.local_cloud.athena.workshop import Analyst

CALLS = 400
KINDS = {"failed_transform", "lost_transform_answer", "failed_lake_write", "crash_after_object"}


def to_rows(event: dict[str, Any], _context: Any) -> Any:
    """A transform that makes a row of each log event."""
    return {"records": [answer(record) for record in event["records"]]}


def answer(record: dict[str, Any]) -> dict[str, Any]:
    """For one delivery of CloudWatch Logs."""
    delivery = json.loads(gzip.decompress(base64.b64decode(record["data"])))
    if delivery["messageType"] != "DATA_MESSAGE":
        return {"recordId": record["recordId"], "result": "Dropped"}
    events = delivery["logEvents"]
    moment = datetime.fromtimestamp(events[0]["timestamp"] / 1000, UTC)
    rows = "".join(json.dumps({"eventId": event["id"], "eventTime": event["timestamp"]}) for event in events)
    return {
        "recordId": record["recordId"],
        "result": "Ok",
        "data": base64.b64encode(rows.encode()).decode(),
        "metadata": {
            "partitionKeys": {"year": f"{moment:%Y}", "month": f"{moment:%m}", "day": f"{moment:%d}"}
        },
    }


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.exhaustive
def test_every_event_is_in_the_lake(seed: int | None) -> None:
    """Once without chaos; with it at least once, and counted once by its id."""
    chaos = None if seed is None else Chaos(seed)
    with LocalCloud() as cloud:
        stream = cloud.delivery_stream(to_rows)
        if chaos is not None:
            chaos.disturb_deliveries(cloud)
            chaos.disturb_lake(stream)
        with stream:
            player = AccessLogPlayer(cloud.client("logs"), cloud.clock, cloud.log_group, seed=1, mean_lines=3)
            for _ in player.play(generate(TrafficSettings(calls=CALLS, keys=5))):
                pass
            if chaos is not None:
                chaos.finish()
            stream.drain(120)
        ((rows, events),) = Analyst(cloud).ask(
            "SELECT count(*), count(DISTINCT eventid) FROM api_gateway_logs"
        )[1:]

    assert str(CALLS) == events
    assert (0, str(stream.progress.rows_written)) == (stream.progress.failed, rows)
    if chaos is None:
        assert str(CALLS) == rows
    else:
        assert "crash_after_object" in chaos.injected
        assert stream.progress.crashes == chaos.injected["crash_after_object"]
        assert CALLS < int(rows or 0)


def many(faults: LakeFaults, count: int = 300) -> tuple[int, int]:
    """Batches and objects as a delivery stream would make them: batches that passed, and invocations seen."""
    passed = seen = 0

    def invoke() -> str:
        nonlocal seen
        seen += 1
        return "answer"

    for _ in range(count):
        for attempt in range(1, 5):
            try:
                passed += "answer" == faults.around_invocation(invoke, attempt)
                break
            except FunctionError:
                continue
        write(faults)
    return passed, seen


def write(faults: LakeFaults) -> None:
    """One object, again until it is written."""
    try:
        faults.before_write("key")
        faults.after_write("key")
    except (BotoCoreError, CrashError):
        return


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_occurs_and_every_batch_passes(seed: int) -> None:
    """A batch fails twice at most, fewer times than a delivery stream tries; lost answers repeat the call."""
    injected: Counter[str] = Counter()

    passed, seen = many(LakeFaults(random.Random(seed), injected))

    assert KINDS == set(injected)
    assert 300 == passed
    assert 300 + injected["lost_transform_answer"] == seen


@pytest.mark.parametrize("seed", range(5))
def test_a_short_run_sees_a_crash_and_a_failed_write(seed: int) -> None:
    """By the fourth write at the latest."""
    injected: Counter[str] = Counter()
    faults = LakeFaults(random.Random(seed), injected)

    for _ in range(4):
        write(faults)

    assert {"crash_after_object", "failed_lake_write"} == set(injected)


def test_the_seed_decides() -> None:
    """The same seed injects the same, another something else."""

    def injected(seed: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        many(LakeFaults(random.Random(seed), counts))
        return counts

    assert injected(4) == injected(4) != injected(5)
