"""The contract between Firehose and a transform function."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from local_cloud.firehose.settings import DeliverySettings
from local_cloud.firehose.stream_source import SourceRecord
from local_cloud.firehose.transform_call import (
    MAX_PAYLOAD_BYTES,
    Dropped,
    FailedRecord,
    TransformCall,
    Transformed,
    payload_bytes,
    read_answer,
    transform_event,
)
from local_cloud.lambda_.function import LambdaFunction
from local_cloud.template.document import Stack

STACK = Stack()
SETTINGS = DeliverySettings.from_properties(
    "lake", STACK.arn("LakeDeliveryStream"), STACK.resource("LakeDeliveryStream")
)


def record(number: int, data: bytes = b"in") -> SourceRecord:
    """A record of the stream."""
    return SourceRecord("shardId-000000000000", str(10**55 + number), 0, "key", data, datetime.now(UTC))


RECORDS = [record(0), record(1)]


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """A good answer for a record."""
    return {"recordId": record(number).id, "result": "Ok", "data": "b3V0", **changes}


def codes(answer: object) -> list[str]:
    """For each record its error code, or the name of the outcome."""
    return [
        outcome.code if isinstance(outcome, FailedRecord) else type(outcome).__name__
        for outcome in read_answer(answer, RECORDS)
    ]


def test_a_good_answer() -> None:
    """In the order of the records, whatever the order of the answer; partition keys are text."""
    metadata = {"partitionKeys": {"year": 2026, "month": "10", "day": None}}

    outcomes = read_answer({"records": [entry(1, result="Dropped"), entry(0, metadata=metadata)]}, RECORDS)

    assert [
        Transformed(RECORDS[0], b"out", {"year": "2026", "month": "10"}),
        Dropped(RECORDS[1]),
    ] == outcomes


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"records": [entry(0)]}, ["Transformed", "Lambda.MissingRecordId"]),
        ({"records": [entry(0), entry(7)]}, ["Transformed", "Lambda.MissingRecordId"]),
        ({"records": []}, ["Lambda.MissingRecordId"] * 2),
        ({"records": [entry(0), entry(1), entry(0)]}, ["Lambda.DuplicatedRecordId", "Transformed"]),
        (
            {"records": [entry(0, result="ProcessingFailed"), entry(1)]},
            ["Lambda.ProcessingFailedStatus", "Transformed"],
        ),
        ({"records": [entry(0, result="ok"), entry(1)]}, ["Lambda.JsonProcessingException", "Transformed"]),
        ({"records": [entry(0, data="?"), entry(1)]}, ["Lambda.JsonProcessingException", "Transformed"]),
        ({"records": [entry(0, data=None), entry(1)]}, ["Lambda.JsonProcessingException", "Transformed"]),
        (
            {"records": [entry(0, metadata={"partitionKeys": ["2026"]}), entry(1)]},
            ["Lambda.JsonProcessingException", "Transformed"],
        ),
        (None, ["Lambda.JsonProcessingException"] * 2),
        ({"records": {}}, ["Lambda.JsonProcessingException"] * 2),
        ({"records": [entry(0), {"result": "Ok"}]}, ["Lambda.JsonProcessingException"] * 2),
        ([entry(0)], ["Lambda.JsonProcessingException"] * 2),
    ],
)
def test_an_answer_that_breaks_the_contract(answer: object, expected: list[str]) -> None:
    """Every record id comes back exactly once, with a known result; the rest of a batch stands."""
    assert expected == codes(answer)


def call(handler: Callable[[Any, Any], Any]) -> TransformCall:
    """With the template's settings."""
    return TransformCall(LambdaFunction("transform", handler, arn="arn"), SETTINGS)


def straight(invoke: Callable[[], Any], _attempt: int) -> Any:
    """No interference."""
    return invoke()


def test_an_answer_beyond_six_megabytes_is_a_function_error() -> None:
    """Base64 and all: Lambda refuses it, so that after the retries the batch has failed."""
    size = (
        MAX_PAYLOAD_BYTES
        - len('{"records": [{"recordId": "", "result": "Ok", "data": ""}]}')
        - len(record(0).id)
    )

    def answer(length: int) -> Callable[[Any, Any], Any]:
        return lambda _event, _context: {"records": [entry(0, data="A" * length)]}

    fitting, beyond = call(answer(size // 4 * 4)), call(answer(size // 4 * 4 + 4))
    (good,), (bad,) = fitting.transform(RECORDS[:1], straight), beyond.transform(RECORDS[:1], straight)

    assert isinstance(good, Transformed)
    assert isinstance(bad, FailedRecord)
    assert ("Lambda.FunctionError", 4, 4) == (bad.code, bad.attempts, beyond.invocations)
    assert "exceeded maximum allowed payload size" in bad.message


def test_a_request_beyond_six_megabytes_never_reaches_the_function() -> None:
    """As Lambda would refuse it."""
    reached: list[Any] = []

    (outcome,) = call(lambda event, _context: reached.append(event)).transform(
        [record(0, b"x" * 5_000_000)], straight
    )

    assert isinstance(outcome, FailedRecord)
    assert [] == reached
    assert "too large" in outcome.message


def test_each_attempt_is_reported_its_number() -> None:
    """From one; the interference decides what the delivery stream sees."""
    attempts: list[int] = []

    def note(invoke: Callable[[], Any], attempt: int) -> Any:
        attempts.append(attempt)
        return invoke()

    def fail(_event: Any, _context: Any) -> Any:
        raise RuntimeError

    failing = call(fail)
    failing.transform(RECORDS, note)

    assert [1, 2, 3, 4] == attempts
    assert (4, 4) == (failing.invocations, failing.failed_invocations)


def test_the_share_of_a_record_is_an_upper_bound() -> None:
    """Whatever its data and key, it takes no more of the request than was reckoned with."""
    for data, key in [(b"", "k"), (b"x" * 1000, "ü" * 256), (b"\x00" * 999_999, "k")]:
        one = SourceRecord("shardId-000000000000", "9" * 56, 99, key, data, datetime.now(UTC))
        event = transform_event([one], SETTINGS)

        assert len(str(event["records"][0])) <= payload_bytes(one)
        assert data == base64.b64decode(event["records"][0]["data"])
