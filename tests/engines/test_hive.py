"""The lake as Hive reads it: the template's table, with the reader that it names, on Spark."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local_cloud.firehose.json_rows import RowReader
from local_cloud.firehose.parquet_file import parquet
from local_cloud.glue import columns_of
from local_cloud.template.document import Stack
from tests.engines.conftest import needed
from tests.engines.trino.test_shipped_sql import Rows, calls
from tools.build_lambda import ROOT

SPARK = ROOT / ".venv-spark" / "bin"
TABLE: Mapping[str, Any] = Stack().resource("LakeTable")["TableInput"]
EMPTY = {"eventid": "nothing else is known", "eventtime": "1969-12-31 23:59:59.999"}
DAYS = {"year=2026/month=09/day=08": slice(0, 40), "year=2027/month=12/day=31": slice(40, 60)}


def columns(kind: str) -> str:
    """The columns of the table, or of its partitions, as Hive declares them."""
    described = TABLE["PartitionKeys"] if kind == "partitions" else TABLE["StorageDescriptor"]["Columns"]
    return ", ".join(f"{column['Name']} {column['Type']}" for column in described)


def declaration(folder: Path) -> str:
    """The table as the template has it, over files."""
    storage = TABLE["StorageDescriptor"]
    return (
        f"CREATE EXTERNAL TABLE lake ({columns('table')}) PARTITIONED BY ({columns('partitions')}) "
        f"ROW FORMAT SERDE '{storage['SerdeInfo']['SerializationLibrary']}' "
        f"STORED AS INPUTFORMAT '{storage['InputFormat']}' OUTPUTFORMAT '{storage['OutputFormat']}' "
        f"LOCATION 'file://{folder}'"
    )


def stored(folder: Path) -> list[list[str | None]]:
    """Rows in two partitions, as the local Firehose writes them; what they hold, in the table's order."""
    reader = RowReader(columns_of(TABLE))
    rows: Rows = [*calls()[:59], EMPTY]
    expected: list[list[str | None]] = []
    for place, some in DAYS.items():
        read = list(reader.read("".join(map(json.dumps, rows[some])).encode()))
        (folder / place).mkdir(parents=True)
        (folder / place / "part.parquet").write_bytes(parquet(read, reader.columns))
        partition = [str(int(part.partition("=")[2])) for part in place.split("/")]
        expected += [[*(None if value is None else str(value) for value in row), *partition] for row in read]
    return expected


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was stored, and what Hive reads of it; Spark starts for this once, in half a minute."""
    needed(SPARK / "pyspark")
    folder = tmp_path_factory.mktemp("hive")
    expected = stored(folder / "lake")
    given = {
        "folder": str(folder),
        "statements": [declaration(folder / "lake"), "MSCK REPAIR TABLE lake"],
        "query": "SELECT * FROM lake",
    }
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
    done = subprocess.run(
        [SPARK / "python", Path(__file__).with_name("hive_query.py"), folder / "given.json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-3000:]
    types, rows = json.loads(done.stdout.splitlines()[-1])
    return {"expected": expected, "types": types, "rows": rows}


def test_types(found: dict[str, Any]) -> None:
    """Each column and each key of the partitions has its type."""
    assert [word.split()[1] for word in f"{columns('table')}, {columns('partitions')}".split(", ")] == found[
        "types"
    ]


def test_rows(found: dict[str, Any]) -> None:
    """Every value arrives: texts of any script, 63-bit hashes, times to the millisecond before 1970 too, what
    is missing, and the partition's day without its leading noughts.
    """
    assert 60 == len(found["rows"])
    assert sorted(found["expected"], key=str) == sorted(found["rows"], key=str)
