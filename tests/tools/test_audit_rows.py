"""The script that derives the digests of billed rows, which shares nothing with the meter."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.s3.lake_writer import GlueColumn, parquet
from metering.calls.lake_row import COLUMNS, LakeRow
from reconciliation.closing import encode_names
from tests.reconciliation.lake.test_row_digests import digest_of, some_row

AUDIT = Path(__file__).resolve().parents[2] / "tools" / "audit_rows.py"
TYPES = {
    "eventhash": "bigint",
    "eventtime": "timestamp",
    "billable": "boolean",
    "status": "int",
    "requestsize": "bigint",
    "responsesize": "bigint",
    "requestsizeknown": "boolean",
    "responsesizeknown": "boolean",
    "responselatency": "bigint",
    "denied": "boolean",
}
GLUE = [GlueColumn(name, TYPES.get(name, "string")) for name in COLUMNS]
OBJECTS = [f"s3://bucket/lake/year=2026/month=10/day={day}/part.parquet" for day in ("01", "31")]


def audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> tuple[int, str]:
    """The script's exit code and output."""
    monkeypatch.setattr(sys, "argv", [str(AUDIT), str(folder / "lake"), str(folder / "closing")])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(AUDIT), run_name="__main__")
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lake with two objects, some rows in both, a later object, and the sealing of the first two."""
    random = Random(11)
    rows = [some_row(random, number) for number in range(60)]
    write(tmp_path, OBJECTS[0], rows[:40])
    write(tmp_path, OBJECTS[1], rows[20:])
    write(tmp_path, OBJECTS[1].replace("part", "late"), [some_row(random, 99)])
    days = sorted({row["eventtime"][:10] for row in rows})
    state: dict[str, Any] = {
        "month": "2026-10",
        "objects": "closing/2026-10/objects-abc.jsonl",
        "days": {day: as_json([row for row in rows if row["eventtime"][:10] == day]) for day in days},
    }
    (tmp_path / "closing/2026-10").mkdir(parents=True)
    (tmp_path / "closing/2026-10.json").write_text(json.dumps(state))
    (tmp_path / "closing/2026-09.json").write_text(json.dumps({"month": "2026-09"}))
    (tmp_path / "closing/2026-10/objects-abc.jsonl").write_bytes(encode_names(OBJECTS))
    return tmp_path


def as_json(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The digest of a day, as a sealing has it."""
    found = digest_of(rows)
    return {"rows": found.rows, "sha256": found.sha256}


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write an object of the lake."""
    path = folder / name.removeprefix("s3://bucket/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(parquet([LakeRow(**row) for row in rows], GLUE))


def test_derives_them_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each day, of the objects that were there when the month was sealed. A month from before is named; so
    is a day with a row that was altered, and an object that is gone.
    """
    assert (0, "2026-09: sealed without digests of rows\n3 days, 0 differ\n") == audit(
        monkeypatch, capsys, folder
    )
    random = Random(11)
    rows = [some_row(random, number) for number in range(60)]
    first = next(row for row in rows if row["eventtime"] > "2026-10-05" and row["apikeyid"] in {"a", "b"})
    write(folder, OBJECTS[0], [{**row, "path": "/a"} if row is first else row for row in rows[:40]])
    code, shown = audit(monkeypatch, capsys, folder)
    assert (1, True) == (code, f"the rows of {first['eventtime'][:10]} differ\n3 days, 1 differ\n" in shown)
    (folder / OBJECTS[1].removeprefix("s3://bucket/")).unlink()
    code, shown = audit(monkeypatch, capsys, folder)
    assert (1, True) == (code, "day=31/part.parquet is missing" in shown)


def test_is_short_and_shares_nothing_with_the_meter() -> None:
    """Fewer than 80 lines, and no import but DuckDB and Python's own."""
    lines = AUDIT.read_text().splitlines()
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert len(lines) < 80
    assert {"duckdb", "hashlib", "itertools", "json", "pathlib", "sys"} == imported
