"""Trino as a server of the test, and queries put to it as Athena puts them.

The lake of a local cloud is a catalog of it: Trino asks the cloud's Glue for the table as the template
declares it, projection included, and reads the objects from the cloud's S3.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from local_cloud.athena.query import CATALOG
from local_cloud.stack import LocalCloud
from tests.engines.conftest import free_port
from tools.trino.jars import HERE, LIB, VERSION, java

SETTINGS = """
coordinator=true
node-scheduler.include-coordinator=true
node.environment=test
node.internal-address=127.0.0.1
node.bind-ip=127.0.0.1
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
plugin.dir={plugins}
catalog.management=dynamic
catalog.store=memory
"""
LIGHT = ("-Xmx2g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Options of Java for a server that answers few queries."""

NEEDED = (
    *("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"),
    "--sun-misc-unsafe-memory-access=allow",
)
START_SECONDS = 300


class Refused(Exception):
    """Trino failed a query; the text begins with the name of its error."""


class Result(NamedTuple):
    """What a query gave, its values as Athena prints them."""

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    rows_read: int
    """Of the tables, each as often as it was read."""


class Lake:
    """The lake of a local cloud, as Trino sees it."""

    def __init__(self, address: str) -> None:
        self._address = address

    def run(self, statement: str, *parameters: str) -> Result:
        """Prepare a statement and execute it with parameters, which are literals as Athena has them.

        Raises:
            Refused: it failed.
        """
        text = statement
        if parameters:
            quoted = statement.replace("'", "''")
            text = f"EXECUTE IMMEDIATE '{quoted}' USING {', '.join(parameters)}"
        return self.run_as_it_is(text)

    def run_as_it_is(self, text: str) -> Result:
        """Run a text.

        Raises:
            Refused: it failed.
        """
        columns: list[Mapping[str, Any]] = []
        rows: list[list[Any]] = []
        page = self._request("/v1/statement", text.encode())
        while True:
            columns = page.get("columns", columns)
            rows += page.get("data", [])
            if "error" in page:
                raise Refused(f"{page['error']['errorName']}: {page['error']['message']}")
            if "nextUri" not in page:
                break
            page = self._request(page["nextUri"])
        return Result(
            [column["name"] for column in columns],
            [column["type"] for column in columns],
            [list(map(printed, row)) for row in rows],
            page["stats"]["processedRows"],
        )

    def _request(self, place: str, body: bytes | None = None) -> Any:
        """One request of Trino's protocol: https://trino.io/docs/current/develop/client-protocol.html ."""
        url = place if place.startswith("http") else self._address + place
        headers = {
            "X-Trino-User": "test",
            "X-Trino-Time-Zone": "UTC",
            "X-Trino-Catalog": CATALOG,
            "X-Trino-Schema": "usage_meter",
        }
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120) as answer:
            return json.load(answer, parse_float=str)  # as Java prints it


class Trino:
    """A running server."""

    def __init__(self, address: str) -> None:
        self.address = address

    @contextmanager
    def lake(self, cloud: LocalCloud) -> Iterator[Lake]:
        """The lake of a cloud, for as long as the cloud is there; of one cloud at a time."""
        lake = Lake(self.address)
        lake.run_as_it_is(f"CREATE CATALOG {CATALOG} USING hive WITH ({_properties(cloud)})")
        try:
            yield lake
        finally:
            lake.run_as_it_is(f"DROP CATALOG {CATALOG}")


def _properties(cloud: LocalCloud) -> str:
    """Where the catalog's tables are described and where their objects are. moto's Glue has no statistics."""
    access = {"region": cloud.endpoint.region, "aws-access-key": "local", "aws-secret-key": "local"}
    properties = {
        "hive.metastore": "glue",
        "hive.metastore.glue.endpoint-url": cloud.endpoint.endpoint_url,
        **{f"hive.metastore.glue.{name}": value for name, value in access.items()},
        "hive.partition-projection-enabled": "true",
        "hive.table-statistics-enabled": "false",
        "hive.parquet.time-zone": "UTC",
        "fs.s3.enabled": "true",
        "s3.endpoint": cloud.endpoint.endpoint_url,
        "s3.path-style-access": "true",
        **{f"s3.{name}": value for name, value in access.items()},
    }
    return ", ".join(f"\"{name}\" = '{value}'" for name, value in properties.items())


def printed(value: Any) -> str | None:
    """A value of Trino's protocol as Athena prints it."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def running(folder: Path) -> Iterator[Trino]:
    """Start a server, and end it."""
    program = java()
    assert program is not None, "no JDK that is new enough: see `python -m tools.trino.jars`"
    plugins, port = folder / "plugins", free_port()
    plugins.mkdir()
    (plugins / "hive").symlink_to(LIB / "plugin")
    settings = folder / "config.properties"
    settings.write_text(SETTINGS.format(port=port, plugins=plugins), encoding="utf-8")
    command: list[str | Path] = [
        program,
        *LIGHT,
        *NEEDED,
        f"-Dconfig={settings}",
        "-cp",
        f"{LIB}/server/*",
        HERE / "Start.java",
        VERSION,
    ]
    with (folder / "trino.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(process, address)
            yield Trino(address)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(process: subprocess.Popen[bytes], address: str) -> None:
    """Wait until it has a node to run queries on."""
    give_up_at = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(f"{address}/v1/info", timeout=5) as answer:
                if not json.load(answer)["starting"]:
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"Trino has not started: {process.poll()}")


def in_order(rows: Sequence[Sequence[str | None]]) -> list[Sequence[str | None]]:
    """Rows of a query that gives them in no order."""
    return sorted(rows, key=str)
