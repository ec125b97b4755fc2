"""The reconciliation of a large month, against DuckDB that answers the bare query and nothing else.

    python -m benchmarks.reconciling shipped|bare FOLDER

The shipped job asks the local Athena, which reads the lake from S3, compares what it says with every
counter, and holds each row's hash to its id. The bare query runs on DuckDB over the same files, with the same
bound on its memory. Each runs in a process of its own, which prints what it took.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh64_intdigest

from adapters.deployment import Deployment
from adapters.settings.process import inherited
from benchmarks.full_shard import most_megabytes
from benchmarks.harness.figure import Figure, Size
from local_cloud.stack import LocalCloud
from metering.calls.event_id import HASH_MASK
from metering.counters.counter import Counter
from metering.period import Period
from metering.usage import Usage
from reconciliation.reconcile import Reconciler, Sources
from reconciliation.wiring import make_sources

CALLS: Final = 10_000_000
KEYS: Final = 10_000
MONTH: Final = Period("2026-10")
DAYS: Final = 31
_MEMORY: Final = "600MB"
"""What the local Athena gives to DuckDB."""
_ROOT: Final = Path(__file__).resolve().parent.parent
_TOTALS: Final = (
    "count(*)",
    "count(*) FILTER (billable)",
    "count(*) FILTER (status >= 400)",
    "sum(responsesize)",
    "coalesce(sum(requestsize), 0)",
    "sum(responselatency)",
    "sum(eventhash::HUGEINT)",
    "count(*) FILTER (responsesize IS NULL)",
    "count(*) FILTER (requestsize IS NULL)",
)


def figures(_size: Size) -> Iterator[Figure]:
    """Seconds, memory, and how many times as long as the bare query."""
    with TemporaryDirectory() as folder:
        make_lake(Path(folder))
        bare, shipped = _result("bare", folder), _result("shipped", folder)
    yield Figure(
        "reconciliation",
        f"reconciling {CALLS:,} calls of {KEYS:,} keys: query and comparison",
        "a minute",
        shipped["seconds"],
        60,
        unit="s",
        at_least=False,
        is_ratio=False,
        details={"query, s": shipped["query"], "bare query, s": bare["seconds"]},
    )
    yield Figure(
        "reconciliation, of the bare query",
        "the same",
        "DuckDB answering the bare query",
        shipped["seconds"] / bare["seconds"],
        2.0,
        at_least=False,
        is_ratio=False,
    )
    yield Figure(
        "memory of the reconciliation",
        "the most memory of the process, with the local Athena in it",
        "DuckDB's alone with the bare query: " + f"{bare['peak']:,.0f} MB",
        shipped["peak"],
        1024,
        unit="MB",
        at_least=False,
        is_ratio=False,
    )


def make_lake(folder: Path) -> None:
    """A Parquet file for each day of the month, and all counters as they should be."""
    connection = duckdb.connect()
    for day in range(DAYS):
        name = folder / f"{day + 1:02d}.parquet"
        connection.execute(f"COPY ({_rows(day)}) TO '{name}' (FORMAT parquet)")
        _hash_ids(name)
    counters = (
        f"SELECT apikeyid AS key, eventtime::DATE::VARCHAR AS day, {_columns()}, "  # noqa: S608 - as above
        f"histogram(hour(eventtime)) AS hours FROM read_parquet('{folder}/??.parquet') GROUP BY 1, 2"
    )
    connection.execute(
        f"COPY (SELECT * REPLACE (total6::DECIMAL(38, 0) AS total6) FROM ({counters}) "  # noqa: S608 - as above
        f"ORDER BY hash(key, day)) TO '{folder}/counters.parquet' (FORMAT parquet)"
    )


def _hash_ids(name: Path) -> None:
    """Give each row the hash of its id."""
    table = pq.read_table(name)
    ids = table.column("eventid").cast(pa.binary()).to_pylist()
    hashes = pa.array([xxh64_intdigest(event_id) & HASH_MASK for event_id in ids], pa.int64())
    place = table.schema.get_field_index("eventhash")
    pq.write_table(table.set_column(place, "eventhash", hashes), name, compression="gzip")


def _columns() -> str:
    return ", ".join(f"{what} AS total{place}" for place, what in enumerate(_TOTALS))


def _rows(day: int) -> str:
    """The calls of a day. The key of rank r makes about 1/r of them."""
    return f"""
        SELECT substr(md5(i::VARCHAR), 1, 15) || '=' AS eventid,
            0::BIGINT AS eventhash,
            TIMESTAMP '2026-10-01' + INTERVAL ({day}) DAY
                + INTERVAL (hash(i + 1) % 86400000) MILLISECOND AS eventtime,
            'k' || floor(pow({KEYS}, (hash(i + 2) % 1000000) / 1000000.0))::INTEGER AS apikeyid,
            NULL::VARCHAR AS requestid, 'a1b2c3d4e5' AS apiid, 'prod' AS stage, 'GET' AS httpmethod,
            '/v1/stations' AS resourcepath, '/prod/v1/stations' AS path,
            CASE WHEN hash(i + 3) % 50 = 0 THEN 404 ELSE 200 END::INTEGER AS status,
            NULL::BIGINT AS requestsize, (hash(i + 4) % 5000)::BIGINT AS responsesize,
            (hash(i + 5) % 300)::BIGINT AS responselatency,
            '192.0.2.1' AS sourceip, 'curl/8.9.1' AS useragent,
            'metered' AS outcome, true AS billable, NULL::VARCHAR AS raw
        FROM range({day}, {CALLS}, {DAYS}) calls(i)
    """  # noqa: S608 - our own numbers


def _result(which: str, folder: str) -> dict[str, float]:
    environment = {**inherited(), "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1024"}  # objects wait on the disk
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "benchmarks.reconciling", which, folder],
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=environment,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def bare(folder: Path) -> dict[str, float]:
    """The query alone."""
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    begun = time.perf_counter()
    found = connection.execute(
        f"WITH copies AS (SELECT *, row_number() OVER (PARTITION BY eventid ORDER BY eventtime) AS copy "  # noqa: S608 - our own names
        f"FROM read_parquet('{folder}/??.parquet')) "
        f"SELECT apikeyid, eventtime::DATE, {_columns()} FROM copies WHERE copy = 1 GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {"seconds": time.perf_counter() - begun, "rows": len(found)}


def shipped(folder: Path) -> dict[str, float]:
    """The shipped job on a local cloud that has these files in its lake."""
    with LocalCloud() as cloud:
        bucket, s3 = cloud.stack.name("LakeBucket"), cloud.client("s3")
        for file in sorted(folder.glob("??.parquet")):
            key = f"lake/year=2026/month=10/day={file.stem}/calls.parquet"
            with file.open("rb") as body:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
        sources = make_sources(Deployment(cloud.stack.outputs).reconciliation, cloud.client)
        counters = KnownCounters(folder)
        job = Reconciler(Sources(sources.queries, counters, sources.error_prefix), lambda: datetime.now(UTC))
        begun = time.perf_counter()
        report = job.reconcile(MONTH, run_id="benchmark")
        seconds = time.perf_counter() - begun - counters.seconds
    if not report.agrees or report.tally.lake_rows != CALLS:
        raise AssertionError(f"{report.differences_found} differences, {report.tally}")
    return {"seconds": seconds, "query": report.proofs[0].milliseconds / 1000}


class KnownCounters:
    """All counters as they should be, in no order."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "counters.parquet"
        self.seconds = 0.0
        """How long they took to be read: in place of a Scan, which is neither query nor comparison."""

    def of_period(self, _period: Period) -> Iterator[Counter]:
        """Those of the month and its days."""
        counters = self._read()
        while True:
            begun = time.perf_counter()
            counter = next(counters, None)
            self.seconds += time.perf_counter() - begun
            if counter is None:
                return
            yield counter

    def _read(self) -> Iterator[Counter]:
        connection = duckdb.connect()
        months: dict[str, Counter] = {}
        rows = connection.execute(f"SELECT * FROM read_parquet('{self._path}')")  # noqa: S608 - our own file
        for key, day, *totals, hours in iter(rows.fetchone, None):
            usage = Usage(*(int(number) for number in totals))
            parts = {f"{hour:02d}": number for hour, number in hours.items()}
            yield Counter(key, Period(day), usage, parts)
            month = Counter(key, MONTH, usage, {day[-2:]: usage.requests})
            months[key] = months[key] + month if key in months else month
        yield from months.values()


RUNS: Final[dict[str, Callable[[Path], dict[str, float]]]] = {"bare": bare, "shipped": shipped}


def main(which: str, folder: str) -> None:
    """Run one of the two, and print what it took."""
    result: dict[str, Any] = RUNS[which](Path(folder))
    print(json.dumps({**result, "peak": most_megabytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
