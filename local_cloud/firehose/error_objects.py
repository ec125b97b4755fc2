"""What Firehose writes under the error prefix: a JSON document for each record, one on a line.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html and
record-format-conversion-error-handling.html
"""

import base64
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from local_cloud.firehose.settings import TableReference
from local_cloud.firehose.stream_source import SourceRecord
from local_cloud.firehose.transform_call import FailedRecord, Transformed, milliseconds

PROCESSING_FAILED = "processing-failed"
CONVERSION_FAILED = "format-conversion-failed"
PARTITIONS_EXCEEDED = "activePartitionExceeded"

Document = dict[str, Any]


def processing_failure(failed: FailedRecord, *, function_arn: str, now: datetime) -> Document:
    """For a record that the transform did not process, raw as it came from the stream."""
    return {
        **_attempts(failed.record, failed.attempts, now),
        "errorCode": failed.code,
        "errorMessage": failed.message,
        "rawData": _encoded(failed.record.data),
        "lambdaArn": function_arn,
    }


def conversion_failure(
    transformed: Transformed, reason: str, *, table: TableReference, now: datetime
) -> Document:
    """For a record whose rows do not fit the table, as the transform returned it."""
    return {
        **_attempts(transformed.record, 1, now),
        "lastErrorCode": "DataFormatConversion.MalformedData",
        "lastErrorMessage": f"One or more records do not match the table schema: {reason}",
        "rawData": _encoded(transformed.data),
        "sequenceNumber": transformed.record.sequence_number,
        "subSequenceNumber": transformed.record.subsequence_number,
        "dataCatalogTable": _catalog_table(table),
    }


def error_object(documents: Iterable[Document]) -> bytes:
    """The bytes of an object with these documents."""
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def _attempts(record: SourceRecord, attempts: int, now: datetime) -> Document:
    return {
        "attemptsMade": attempts,
        "arrivalTimestamp": milliseconds(record.arrived_at),
        "attemptEndingTimestamp": milliseconds(now),
    }


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _catalog_table(table: TableReference) -> dict[str, str]:
    return {
        "catalogId": table.catalog_id,
        "databaseName": table.database,
        "tableName": table.table,
        "region": table.region,
        "versionId": table.version_id,
        "catalogArn": f"arn:aws:glue:{table.region}:{table.catalog_id}:catalog",
    }
