"""Whatever fails between the stream and the lake: after a redrive every log event is in the lake, once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.s3.error_prefix import S3ErrorObjects
from adapters.s3.lake_writer import GlueColumn, LakeWriter
from adapters.settings.functions import FirehoseTransformSettings
from firehose_transform.handler import make_handler
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.firehose.delivery_stream import DeliveryStream
from local_cloud.glue import columns_of
from local_cloud.kinesis.api import KinesisService
from local_cloud.telemetry import quiet_telemetry
from metering.billing_rule import BillingRule
from reconciliation.redrive import Redriven, redrive
from tests.factories import control_message, delivery, line
from tests.local_cloud.firehose.lake_workshop import Workshop


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """A stream, a bucket and the template's table."""
    with LocalEndpoint() as endpoint:
        endpoint.take_over(KinesisService(endpoint.account_id, endpoint.region))
        yield Workshop(endpoint)


def batch(name: str, calls: int = 2, **fields: str) -> bytes:
    """A delivery whose calls differ from all others."""
    return delivery([line(extendedRequestId=f"{name}-{number}", **fields) for number in range(calls)])


def ids(name: str, calls: int = 2) -> list[str]:
    """The event ids of those calls."""
    return [f"{name}-{number}" for number in range(calls)]


class FailingTransform:
    """The shipped transform. While `fails`, it does not come to an end."""

    def __init__(self) -> None:
        settings = FirehoseTransformSettings.from_environment({})
        self._handle = make_handler(settings, quiet_telemetry("firehose_transform"))
        self.fails = False

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        if self.fails:
            raise TimeoutError("Task timed out after 120.00 seconds")
        return self._handle(event, context)


def change_table(workshop: Workshop, status: str) -> None:
    """Give the column `status` another type."""
    table = copy.deepcopy(workshop.stack.resource("LakeTable")["TableInput"])
    for column in table["StorageDescriptor"]["Columns"]:
        column["Type"] = status if column["Name"] == "status" else column["Type"]
    workshop.client("glue").update_table(DatabaseName=workshop.name, TableInput=table)


def run_redrive(workshop: Workshop) -> Redriven:
    """A redrive of the workshop's bucket."""
    columns = columns_of(workshop.stack.resource("LakeTable")["TableInput"])
    folder = f"s3://{workshop.name}/lake/year=${{year}}/month=${{month}}/day=${{day}}/"
    lake = LakeWriter(workshop.s3, [GlueColumn(column.name, column.type) for column in columns], folder)
    return redrive(S3ErrorObjects(workshop.s3, workshop.name), lake, BillingRule())


def deliver_all_kinds(workshop: Workshop, stream: DeliveryStream, transform: FailingTransform) -> None:
    """Deliver what goes well, and what fails in every way."""
    workshop.put(batch("well"), control_message(), b"no gzip")
    workshop.deliver(stream)
    transform.fails = True
    workshop.put(batch("timeout"), control_message(), b"no gzip either")
    workshop.deliver(stream)
    transform.fails = False
    workshop.put(batch("large", 10_000, userAgent="Mozilla/5.0 " * 12), batch("beside"))
    workshop.deliver(stream)
    change_table(workshop, status="boolean")
    workshop.put(batch("table"))
    workshop.deliver(stream)
    change_table(workshop, status="int")


@pytest.mark.exhaustive
def test_all_kinds_of_failures(workshop: Workshop, tmp_path: Path) -> None:
    """Failed invocations, answers over 6 MB and rows that do not fit the table all come into the lake, as the
    rows that they would have been; what cannot be decoded stays.
    """
    transform = FailingTransform()
    deliver_all_kinds(workshop, workshop.delivery_stream(transform), transform)
    assert sorted(ids("well") + ids("beside")) == sorted(name for (name,) in workshop.rows(tmp_path))
    failed = [document["errorCode"] for document in workshop.errors("processing-failed")]
    assert ["Lambda.FunctionError"] * 3 + ["Lambda.ProcessingFailedStatus"] * 2 == sorted(failed)
    assert 1 == len(workshop.errors("format-conversion-failed"))

    result = run_redrive(workshop)
    assert (3, 10_004, 1, 2) == (result.records, result.rows, result.without_events, result.unreadable)
    everything = ids("well") + ids("beside") + ids("timeout") + ids("table") + ids("large", 10_000)
    assert sorted(everything) == sorted(name for (name,) in workshop.rows(tmp_path))
    kinds = {
        row[1:] for row in workshop.rows(tmp_path, "eventid, eventtime, apikeyid, status, path, outcome")
    }
    assert 1 == len(kinds)
    assert 2 == len(workshop.errors("processing-failed"))
    assert [] == workshop.errors("format-conversion-failed")

    keys = workshop.keys()
    assert (0, 2) == ((again := run_redrive(workshop)).rows, again.unreadable)
    assert keys == workshop.keys()
