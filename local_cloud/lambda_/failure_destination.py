"""What Lambda writes to the failure destination of an event source mapping when it gives records up.

Shape: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html .
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from local_cloud.lambda_.shard_cursor import RecordBatch

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]
"""Why records were given up. AWS documents the first; the second is our guess at its name."""


def object_key(mapping_id: str, shard_id: str, now: datetime) -> str:
    """The key of the S3 object that holds one invocation record."""
    return f"aws/lambda/{mapping_id}/{shard_id}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A batch that will not be invoked again; ``request_id`` is that of its last invocation."""

    batch: RecordBatch
    condition: Condition
    request_id: str


def invocation_record(
    given_up: GivenUp, event: Mapping[str, Any], *, function_arn: str, now: datetime
) -> dict[str, Any]:
    """The document for a batch that was given up: metadata and, since it goes to S3, the event as text."""
    records = given_up.batch.records
    return {
        "requestContext": {
            "requestId": given_up.request_id,
            "functionArn": function_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.batch.failures,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": event["Records"][0]["eventID"].partition(":")[0],
            "startSequenceNumber": records[0].sequence_number,
            "endSequenceNumber": records[-1].sequence_number,
            "approximateArrivalOfFirstRecord": _iso(records[0].arrived_at),
            "approximateArrivalOfLastRecord": _iso(records[-1].arrived_at),
            "batchSize": len(records),
            "streamArn": event["Records"][0]["eventSourceARN"],
        },
        "payload": json.dumps(event),
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
