"""Objects that a redrive writes are read like those of Firehose, from the folder where the table looks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.s3.lake_writer import GlueColumn, LakeWriter, parquet
from local_cloud.athena.lake_table import LakeTable
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.firehose.json_rows import RowReader
from local_cloud.firehose.parquet_file import parquet as parquet_of_firehose
from local_cloud.glue import columns_of
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import LakeRow, encode_rows, lake_rows
from metering.errors import Misconfigured, Transient
from metering.period import Period
from tests.factories import NOON_MS, line
from tests.local_cloud.firehose.lake_workshop import Workshop

DAY = Period("2026-10-31")
ROWS = lake_rows(
    [
        LogEvent("1", NOON_MS + 7, line(requestTimeEpoch=str(NOON_MS + 7))),
        LogEvent("2", NOON_MS, "no line, é"),
        LogEvent("3", NOON_MS, line(apiKeyId="-", path="-")),
    ],
    BillingRule(),
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """A bucket and the template's table."""
    with LocalEndpoint() as endpoint:
        yield Workshop(endpoint)


@pytest.fixture
def writer(workshop: Workshop) -> LakeWriter:
    """A writer for that table, whose bucket is made."""
    location = workshop.client("glue").get_table(DatabaseName=workshop.name, Name="api_gateway_logs")
    bucket = location["Table"]["StorageDescriptor"]["Location"].split("/")[2]
    workshop.s3.create_bucket(Bucket=bucket)
    return LakeWriter.from_glue(workshop.s3, workshop.client("glue"), workshop.name, "api_gateway_logs")


class TestParquet:
    def test_same_as_firehose(self, workshop: Workshop) -> None:
        """The same rows, columns and types as Firehose makes of the transform's answer."""
        table = workshop.stack.resource("LakeTable")["TableInput"]
        columns = columns_of(table)
        expected = parquet_of_firehose(RowReader(columns).read(encode_rows(ROWS)), columns)
        found = parquet(ROWS, [GlueColumn(column.name, column.type) for column in columns])
        assert pq.read_table(io.BytesIO(expected)) == pq.read_table(io.BytesIO(found))
        assert pq.read_schema(io.BytesIO(expected)) == pq.read_schema(io.BytesIO(found))
        assert expected == found

    def test_other_columns(self) -> None:
        """A column that rows do not have is empty; one that the table does not have is left out."""
        content = parquet(ROWS[:1], [GlueColumn("eventid", "string"), GlueColumn("region", "string")])
        assert [{"eventid": ROWS[0].eventid, "region": None}] == pq.read_table(
            io.BytesIO(content)
        ).to_pylist()

    def test_time(self) -> None:
        """Times keep their milliseconds."""
        content = parquet(ROWS[:1], [GlueColumn("eventtime", "timestamp")])
        (found,) = pq.read_table(io.BytesIO(content))["eventtime"].to_pylist()
        assert datetime.fromisoformat("2026-10-31 12:00:00.007") == found

    def test_unfit(self) -> None:
        """A table whose columns do not take the rows is named, and nothing is written."""
        with pytest.raises(Misconfigured, match="column outcome is bigint"):
            parquet(ROWS, [GlueColumn("outcome", "bigint")])
        with pytest.raises(Misconfigured, match="column status is decimal"):
            LakeWriter(cast("S3Client", None), [GlueColumn("status", "decimal(9,0)")], "s3://b/")


class TestWriting:
    def test_place(self, writer: LakeWriter, workshop: Workshop, tmp_path: Path) -> None:
        """An object lies where the table's projection finds it, once however often it is written."""
        for rows in (ROWS[:1], ROWS):
            size = writer.write(DAY, "redriven-1-0001", rows)
        table = workshop.client("glue").get_table(DatabaseName=workshop.name, Name="api_gateway_logs")[
            "Table"
        ]
        lake = LakeTable.from_glue(table)
        (found,) = lake.objects(workshop.s3)
        assert ((2026, 10, 31), size) == (found.partition, found.size)
        path = tmp_path / "found.parquet"
        path.write_bytes(workshop.s3.get_object(Bucket=lake.bucket, Key=found.key)["Body"].read())
        assert [row.eventid for row in ROWS] == pq.read_table(path)["eventid"].to_pylist()


class TestErrors:
    def test_no_table(self, workshop: Workshop) -> None:
        """A table that is not there is named."""
        with pytest.raises(Misconfigured, match=r"GetTable of usage_meter\.nothing"):
            LakeWriter.from_glue(workshop.s3, workshop.client("glue"), "usage_meter", "nothing")

    def test_other_table(self, workshop: Workshop) -> None:
        """A table without a location template is not the meter's."""
        glue = workshop.client("glue")
        glue.create_table(
            DatabaseName=workshop.name, TableInput={"Name": "other", "StorageDescriptor": {"Columns": []}}
        )
        with pytest.raises(Misconfigured, match=r"\.other has no storage\.location\.template"):
            LakeWriter.from_glue(workshop.s3, glue, workshop.name, "other")

    def test_no_bucket(self, workshop: Workshop) -> None:
        """A bucket that is not there is named."""
        writer = LakeWriter(
            workshop.s3, [GlueColumn("eventid", "string")], "s3://nowhere-17/${year}/${month}/${day}"
        )
        with pytest.raises(Misconfigured, match=r"PutObject of nowhere-17/2026/10/31/a\.parquet"):
            writer.write(DAY, "a", ROWS)

    def test_no_answer(self) -> None:
        """S3 that does not answer may do so later."""

        class Silent:
            def put_object(self, **_: object) -> None:
                raise EndpointConnectionError(endpoint_url="https://s3")

        rows: list[LakeRow] = []
        with pytest.raises(Transient, match="PutObject of b/2026"):
            LakeWriter(cast("S3Client", Silent()), [GlueColumn("eventid", "string")], "s3://b/${year}").write(
                DAY, "a", rows
            )
