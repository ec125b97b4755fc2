"""What Lambda leaves at a failure destination."""

import json
from datetime import UTC, datetime, timedelta

from local_cloud.lambda_.failure_destination import GivenUp, invocation_record, object_key
from local_cloud.lambda_.shard_cursor import CursorRecord, RecordBatch, lambda_event

NOW = datetime(2026, 11, 1, 2, 3, 4, 567000, tzinfo=UTC)


def test_the_document_has_the_shape_that_aws_documents() -> None:
    """Metadata of the batch, and the whole event as text."""
    records = tuple(CursorRecord(str(i), "k", b"d", NOW + timedelta(seconds=i)) for i in range(3))
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/calls"
    event = lambda_event(
        records, shard_id="shardId-000000000001", stream_arn=arn, role_arn="arn:aws:iam:::role/r"
    )

    document = invocation_record(
        GivenUp(RecordBatch(records, failures=4), "RetryAttemptsExhausted", "request"),
        event,
        function_arn="arn:aws:lambda:::function:f",
        now=NOW,
    )

    assert {
        "shardId": "shardId-000000000001",
        "startSequenceNumber": "0",
        "endSequenceNumber": "2",
        "approximateArrivalOfFirstRecord": "2026-11-01T02:03:04.567Z",
        "approximateArrivalOfLastRecord": "2026-11-01T02:03:06.567Z",
        "batchSize": 3,
        "streamArn": arn,
    } == document["KinesisBatchInfo"]
    assert {
        "requestId": "request",
        "functionArn": "arn:aws:lambda:::function:f",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 4,
    } == document["requestContext"]
    assert event == json.loads(document["payload"])
    assert document == json.loads(json.dumps(document))


def test_keys_are_lambdas() -> None:
    """``aws/lambda/<mapping>/<shard>/YYYY/MM/DD/<time>-<uuid>``, different every time."""
    key = object_key("mapping", "shardId-000000000001", NOW)

    assert key.startswith("aws/lambda/mapping/shardId-000000000001/2026/11/01/2026-11-01T02.03.04-")
    assert key != object_key("mapping", "shardId-000000000001", NOW)
