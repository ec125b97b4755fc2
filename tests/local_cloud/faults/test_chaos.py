"""A correct meter survives what chaos injects, and a careless one does not."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.faults.chaos import Chaos, InjectedFailureError
from local_cloud.lambda_.function import Handler
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.playback.traffic import TrafficSettings, generate
from local_cloud.stack import LocalCloud

CALLS = 300
INJECTED = object()
WRITE_FAULTS = {
    *("throttled_write", "unreachable_write", "lost_answer"),
    *("crash_before_write", "crash_after_write"),
}

Apply = Callable[[Any, str, str], None]


def idempotent(dynamodb: Any, table: str, event_id: str) -> None:
    """Each event has an item of its own: whatever is repeated changes nothing."""
    update(dynamodb, table, event_id, "SET n = :one")


def careless(dynamodb: Any, table: str, event_id: str) -> None:
    """Each repetition counts."""
    update(dynamodb, table, event_id, "ADD n :one")


def update(dynamodb: Any, table: str, event_id: str, expression: str) -> None:
    """One write."""
    dynamodb.update_item(
        TableName=table,
        Key={"pk": {"S": event_id}},
        UpdateExpression=expression,
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def meter(dynamodb: Any, table: str, apply: Apply) -> Callable[[dict[str, Any], Any], Any]:
    """A handler that applies every event, and reports the first record whose writes did not pass."""

    def handler(event: dict[str, Any], _context: Any) -> Any:
        for record in event["Records"]:
            delivery = json.loads(gzip.decompress(base64.b64decode(record["kinesis"]["data"])))
            if delivery["messageType"] != "DATA_MESSAGE":
                continue
            try:
                for log_event in delivery["logEvents"]:
                    apply(dynamodb, table, str(log_event["id"]))
            except (BotoCoreError, ClientError):
                return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}
        return {}

    return handler


def count_under_chaos(seed: int, apply: Apply) -> tuple[int, int, dict[str, int]]:
    """Distinct events, events counted, and what was injected."""
    chaos = Chaos(seed)
    with LocalCloud({"BatchingWindowSeconds": 1, "BatchSize": 10}) as cloud:
        table = cloud.stack.name("LedgerTable")
        dynamodb = cloud.client("dynamodb")
        chaos.disturb_deliveries(cloud)
        chaos.disturb_writes(dynamodb.meta.events)
        handler = chaos.disturb(meter(dynamodb, table, apply))
        with cloud.mapping("StreamProcessorFunction", "Calls", handler) as mapping:
            logs = cloud.client("logs")
            player = AccessLogPlayer(logs, cloud.clock, cloud.log_group, seed=seed, mean_lines=3)
            for _ in player.play(generate(TrafficSettings(calls=CALLS, keys=5))):
                pass
            chaos.finish()
            mapping.drain(120)
            assert 0 == mapping.progress.discarded
        items = cloud.client("dynamodb").scan(TableName=table)["Items"]
        return len(items), sum(int(item["n"]["N"]) for item in items), chaos.injected


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_idempotent_meter_counts_every_call_once(seed: int) -> None:
    """Nothing that is injected loses an event or invents one, and nothing is given up."""
    distinct, counted, injected = count_under_chaos(seed, idempotent)

    assert (CALLS, CALLS) == (distinct, counted)
    assert {"shard_split", "shard_merge"} <= injected.keys()
    assert {"duplicate_delivery", "recut_delivery", "late_duplicate"} & injected.keys()
    assert WRITE_FAULTS & injected.keys()


@pytest.mark.exhaustive
def test_a_careless_meter_is_caught() -> None:
    """The faults matter: without protection calls are counted again."""
    distinct, counted, _ = count_under_chaos(1, careless)

    assert CALLS == distinct < counted


def records(*numbers: int) -> dict[str, Any]:
    """An event of one shard."""
    return {
        "Records": [
            {"eventID": f"shardId-000000000000:{n}", "kinesis": {"sequenceNumber": str(n)}} for n in numbers
        ]
    }


def invoke(handler: Handler, event: dict[str, Any]) -> Any:
    """The handler's answer, or that the invocation failed by chaos's will."""
    try:
        return handler(event, None)
    except InjectedFailureError:
        return INJECTED


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}])
def test_every_kind_around_the_function_occurs(answer: Any) -> None:
    """Batches fail, lose their answer, come again, shorter or from an earlier cut; always in order."""
    chaos = Chaos(1)
    batches: list[list[int]] = []

    def handler(event: dict[str, Any], _context: Any) -> Any:
        batches.append([int(record["kinesis"]["sequenceNumber"]) for record in event["Records"]])
        return answer

    disturbed = chaos.disturb(handler)
    for first in range(0, 2000, 10):
        event = records(*range(first, first + 10))
        while (given := invoke(disturbed, event)) is INJECTED:
            continue
        assert answer == given

    kinds = {"failed_batch", "lost_batch_answer", "repeated_batch", "shorter_cut", "earlier_cut"}
    assert kinds == set(chaos.injected)
    assert set(range(2000)) == {number for batch in batches for number in batch}
    assert all(batch == list(range(batch[0], batch[-1] + 1)) for batch in batches)
    assert {True, False} == {len(batch) < 10 for batch in batches}
    assert any(len(batch) > 10 for batch in batches)


def test_a_failure_in_the_earlier_records_fails_the_batch_whole() -> None:
    """Lambda would know them; the mapping here does not, so it is given a number it knows."""
    chaos = Chaos(1)
    failing = False

    def handler(event: dict[str, Any], _context: Any) -> Any:
        numbers = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
        return {"batchItemFailures": [{"itemIdentifier": numbers[0]}]} if failing else {}

    disturbed = chaos.disturb(handler)
    for first in range(0, 5000, 10):
        failing = first > 100
        event = records(*range(first, first + 10))
        answer = invoke(disturbed, event)
        assert answer in (INJECTED, {}, {"batchItemFailures": [{"itemIdentifier": str(first)}]})

    assert chaos.injected["earlier_cut"] > 10
