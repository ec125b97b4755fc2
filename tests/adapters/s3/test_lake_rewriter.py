"""Malformed rows of the lake's objects: read, and left out, with all other rows as they were."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from adapters.s3.lake_rewriter import LakeRewriter
from adapters.s3.lake_writer import GlueColumn, parquet
from local_cloud.endpoint.server import LocalEndpoint
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import lake_rows
from metering.proof.malformed_line import MalformedLine
from tests.factories import NOON_MS, line

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PLACE = "s3://lake/lake/part.parquet"
TYPES = {"eventid": "string", "eventhash": "bigint", "eventtime": "timestamp", "apikeyid": "string"}
ROWS = lake_rows(
    [LogEvent("1", NOON_MS, line()), LogEvent("2", NOON_MS + 7, "no line, é"), LogEvent("3", NOON_MS, "{}")],
    BillingRule(),
)


@pytest.fixture
def s3() -> Iterator[S3Client]:
    """A client with an empty bucket."""
    with LocalEndpoint() as running:
        client: S3Client = running.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


def stored(s3: S3Client, **more: str) -> bytes:
    """Put the object; its content."""
    columns = [GlueColumn(name, kind) for name, kind in {**TYPES, **more}.items()]
    content = parquet(ROWS, columns)
    s3.put_object(Bucket="lake", Key="lake/part.parquet", Body=content)
    return content


def test_malformed_rows(s3: S3Client) -> None:
    """Their ids, times, reasons and texts; leaving one out changes nothing of the others, types included."""
    content = stored(s3, reason="string", raw="string")
    rewriter = LakeRewriter(s3)
    found = rewriter.malformed(PLACE)
    assert found is not None
    assert MalformedLine("2", NOON_MS + 7, ROWS[1].reason or "", "no line, é") == found.lines[0]
    assert ["2", "3"] == [one.event_id for one in found.lines]

    assert rewriter.leave_out(PLACE, found.tag, {"2", ROWS[0].eventid})
    before = pq.read_table(io.BytesIO(content))
    after = s3.get_object(Bucket="lake", Key="lake/part.parquet")["Body"].read()
    assert before.take([0, 2]) == pq.read_table(io.BytesIO(after))
    assert pq.ParquetFile(io.BytesIO(content)).schema == pq.ParquetFile(io.BytesIO(after)).schema


def test_changed_by_another(s3: S3Client) -> None:
    """An object that is not what was read is not written; nor is one that is gone."""
    stored(s3)
    rewriter = LakeRewriter(s3)
    assert not rewriter.leave_out(PLACE, '"another"', {"2"})
    assert rewriter.malformed("s3://lake/lake/gone.parquet") is None
    assert not rewriter.leave_out("s3://lake/lake/gone.parquet", '"x"', {"2"})


def test_columns_of_long_ago(s3: S3Client) -> None:
    """An object without reasons and texts has lines of which nothing else is known."""
    stored(s3)
    found = LakeRewriter(s3).malformed(PLACE)
    assert found is not None
    assert [("", None), ("", None)] == [(one.reason, one.text) for one in found.lines]
