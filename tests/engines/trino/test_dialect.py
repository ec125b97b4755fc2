"""What the tests of the local Athena say of Athena's SQL, said by Trino."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.stack import LocalCloud
from tests.engines.trino.server import Lake, Refused, Trino
from tests.local_cloud.athena.claims import EXPRESSIONS, QUERIES, REFUSED, store_six_rows
from tests.local_cloud.athena.workshop import TABLE, Analyst


@pytest.fixture(scope="module")
def lake(trino: Trino) -> Iterator[Lake]:
    """The lake with six rows."""
    with LocalCloud() as cloud:
        store_six_rows(Analyst(cloud))
        narrow(cloud)
        with trino.lake(cloud) as lake:
            yield lake


def narrow(cloud: LocalCloud) -> None:
    """Project two months only: a query without a time lists each projected folder, 11,532 as shipped."""
    glue = cloud.client("glue")
    table = glue.get_table(**TABLE)["Table"]
    table["Parameters"] |= {"projection.year.range": "2026,2026", "projection.month.range": "10,11"}
    written = ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    glue.update_table(DatabaseName=TABLE["DatabaseName"], TableInput={name: table[name] for name in written})


def test_expressions(lake: Lake) -> None:
    """Each expression has the same value."""
    found = lake.run(f"SELECT {', '.join(expression for expression, _ in EXPRESSIONS)}").rows[0]
    assert EXPRESSIONS == [(one, value) for (one, _), value in zip(EXPRESSIONS, found, strict=True)]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_queries(lake: Lake, query: str, expected: list[list[str | None]]) -> None:
    """Each query has the same rows."""
    assert expected == lake.run(query.replace("{}", "api_gateway_logs")).rows


@pytest.mark.parametrize(("query", "reason"), REFUSED)
def test_refused(lake: Lake, query: str, reason: str) -> None:
    """Each mistake is one, of the same kind; of a missing table Trino says whether its database is there."""
    code = reason.split(":", 1)[0].replace("TABLE_NOT_FOUND", "(TABLE|SCHEMA|CATALOG)_NOT_FOUND")
    with pytest.raises(Refused, match=f"^{code}:"):
        lake.run(query.replace("{}", "api_gateway_logs"))
