"""The statements that the local Athena does not run, or that come from tools."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack
from tests.engines.trino.server import Lake, Trino
from tests.infra.test_queries import row
from tests.local_cloud.athena.workshop import TABLE, Analyst
from tools.aws_account import Outcome
from tools.aws_check import comments, long_parameters
from tools.aws_check import lake as rows_in_the_lake


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A cloud with a row, and with what a crawler found, where one column has another type and one is new."""
    with LocalCloud({"CrawlSchema": "yes"}) as cloud:
        Analyst(cloud).store("2026-11-01", row(1, "shop", "2026-11-01"))
        glue = cloud.client("glue")
        table = glue.get_table(**TABLE)["Table"]
        storage = table["StorageDescriptor"]
        columns = [
            {**one, "Type": "int"} if one["Name"] == "eventhash" else one for one in storage["Columns"]
        ]
        storage["Columns"] = [*columns, {"Name": "protocol", "Type": "string"}]
        found = {name: table[name] for name in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
        glue.create_database(DatabaseInput={"Name": "usage_meter_found"})
        glue.create_table(DatabaseName="usage_meter_found", TableInput=found)
        yield cloud


@pytest.fixture(scope="module")
def lake(trino: Trino, cloud: LocalCloud) -> Iterator[Lake]:
    """Its lake."""
    with trino.lake(cloud) as lake:
        yield lake


class Account(NamedTuple):
    """An account as the checks see it, whose Athena is Trino."""

    rows: Any
    now: datetime


def test_drift(lake: Lake) -> None:
    """The query for drift of the schema names what differs."""
    text = Stack({"CrawlSchema": "yes"}).resource("SchemaDriftQuery")["QueryString"]
    assert [["eventhash", "bigint", "integer"], ["protocol", None, "varchar"]] == sorted(
        lake.run(text).rows, key=str
    )


@pytest.mark.parametrize("check", [comments, long_parameters, rows_in_the_lake])
def test_checks_of_an_account(lake: Lake, check: Any) -> None:
    """What `make aws-check` asks Athena is as built on Trino: comments, long parameters, rows in the lake."""
    account = Account(lambda *words: lake.run(*words).rows, datetime(2026, 11, 1, 13, tzinfo=UTC))
    assert Outcome.AS_BUILT is check(account).outcome
