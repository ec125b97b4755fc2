"""The third table of docs/scale.md: processor time, memory and requests, by calls, keys, accounts and so on.

    python -m tools.load_table                      # measures everything, and writes the table into the page
    python -m tools.load_table keys 1000            # one of the figures

Each figure is of a process of its own. Time is the processor's, and memory the most that the process had
beyond what it had at the beginning; both depend on the machine, requests do not. What is read from AWS is
made up here: its requests are counted, and take no time.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from adapters.settings import inherited
from benchmarks.harness.traffic import Traffic, kinesis_event, records
from cli.billing.tariff_file import read_tariff_file
from metering.billing_rule import BillingRule
from metering.calls.record import read_record
from metering.counters.completeness import Heartbeats, Knowledge, after_heartbeats
from metering.counters.counter import Counter
from metering.counters.heartbeat import Landed, ListedShard
from metering.period import Period, following
from metering.prices.statement import KeyUsage, MonthUsage
from metering.proof.hours import hours_of
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import Proven
from reconciliation.invoices.proven_usage import source_of
from reconciliation.lake.queries import ALTERED_ROWS, query_text
from reconciliation.reconcile import Reconciler, Sources
from stream_processor.fold import fold
from stream_processor.kinesis_event import read_event
from tools.build_lambda import ROOT
from tools.scale_table import PAGE

_TABLE: Final = re.compile(r"^\| grows with .*\n(?:\|.*\n)+", re.MULTILINE)
_MONTH: Final = Period("2026-10")
_DAYS: Final = 31
_PARTS: Final = {"12": 1}
"""The calls of a day by its hours."""
_ACCOUNTS_OF_MANY_MONTHS: Final = 10
_CALLS_OF_AN_INVOCATION: Final = 10_000
_RUNS: Final = 10
_TARIFF: Final = """
currency: EUR
rounding: {digits: 2, mode: half_even}
zero_month: nothing
default_plan: pay
plans:
  pay:
    - version: "1"
      valid_from: 2020-01
      prices:
        - {metric: billable, model: graduated, tiers: [{up_to: 100, unit_price: 0.01}, {unit_price: 0.001}]}
"""


class Load(NamedTuple):
    """What something took."""

    seconds: float
    """Of the processor."""
    megabytes: float
    requests: int = 0
    """0: they do not depend on it."""


class _Query(NamedTuple):
    """A query that has run."""

    rows: Callable[[], Iterator[tuple[Any, ...]]]
    query_id: str = "q"
    sql: str = ""
    parameters: tuple[str, ...] = ()
    scanned_bytes: int = 0
    milliseconds: int = 0


class _Month:
    """Both sides of a month in which each key has a call a day, and the same on either."""

    def __init__(self, keys: int) -> None:
        self._keys = keys

    def run(self, sql: str, _parameters: Sequence[str] = (), *, run_id: str) -> _Query:  # noqa: ARG002 - the port's
        return _Query((lambda: iter(())) if sql == query_text(ALTERED_ROWS) else self._rows)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for key in range(self._keys):
            for day in range(1, _DAYS + 1):
                date = datetime(2026, 10, day, tzinfo=UTC).date()
                yield f"{key:010x}", date, 1, hours_of(_PARTS), 1, 1, 0, 100, 0, 5, key * 31 + day

    def of_period(self, _period: Period) -> Iterator[Counter]:
        for key in range(self._keys):
            name, days = f"{key:010x}", []
            for day in range(1, _DAYS + 1):
                days.append(Usage(1, 1, 0, 100, 0, 5, key * 31 + day))
                yield Counter(name, Period(f"2026-10-{day:02d}"), days[-1], _PARTS)
            whole = sum(days[1:], days[0])
            yield Counter(name, _MONTH, whole, {f"{day:02d}": 1 for day in range(1, _DAYS + 1)})


class _NoObjects:
    """An empty error prefix."""

    def names(self) -> Iterator[str]:
        return iter(())

    def read(self, _name: str) -> bytes | None:
        return None


def of_keys(keys: int) -> Load:
    """A reconciliation of a month: 32 counters and 31 rows a key, which agree."""
    month = _Month(keys)
    job = Reconciler(
        Sources(month, month, _NoObjects()), lambda: datetime(2026, 11, 5, tzinfo=UTC), allow_incomplete=True
    )
    return _measured(lambda: job.reconcile(_MONTH, run_id="run"))


class _Disk:
    """Invoices in a folder, with the requests that S3 would have had."""

    def __init__(self) -> None:
        self.requests = 0
        self._folder = Path(tempfile.mkdtemp(prefix="usage-meter-load-"))
        self._names: defaultdict[Period, dict[str, Path]] = defaultdict(dict)

    def months(self) -> list[Period]:
        self.requests += 1
        return sorted(month for month, found in self._names.items() if found)

    def documents(self, month: Period) -> Iterator[tuple[str, bytes]]:
        self.requests += 1 + len(self._names[month])
        for account, path in sorted(self._names[month].items()):
            yield f"invoices/{month}/{account}/invoice.json", path.read_bytes()

    def decide(self, month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        self.requests += 1
        found = self._names[month]
        if account in found:
            return found[account].read_bytes(), False
        found[account] = self._folder / f"{month}-{len(found)}"
        found[account].write_bytes(document)
        return document, True

    def add(self, _month: Period, _account: str, _name: str, content: bytes) -> bytes:
        self.requests += 1
        return content


class _Usages:
    """Months in which each key, an account of its own, has calls; a tenth of them come after the invoice."""

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self.now = Period("2020-01")

    def billed(self, month: Period) -> Proven:
        source = source_of(month, "s3://lake/lake/", None)
        late = 0 if month == self.now else 100
        used = ((f"{key:010x}", 900 + key % 7 + (late if key % 10 == 0 else 0)) for key in range(self._keys))
        keys = tuple(KeyUsage.of(name, Usage(calls, calls, 5, 5_000, 100, 9_000, 7)) for name, calls in used)
        return Proven(MonthUsage(month, keys, source["query"]), source)

    known = billed


def _invoiced(accounts: int, months: int) -> Load:
    """The invoices of the last of so many months."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(_TARIFF)
        file.flush()
        tariff = read_tariff_file(Path(file.name))
    usages, disk = _Usages(accounts), _Disk()
    job = Invoicing(usages, disk)
    for _ in range(months - 1):
        job.invoice(usages.now, tariff)
        usages.now = following(usages.now)
    before = disk.requests
    load = _measured(lambda: job.invoice(usages.now, tariff))
    return load._replace(requests=disk.requests - before)


def of_accounts(accounts: int) -> Load:
    """The invoices of a second month, with an adjustment for a tenth of the accounts."""
    return _invoiced(accounts, 2)


def of_months(months: int) -> Load:
    """The invoices of ten accounts, when there have been invoices for so many months."""
    return _invoiced(_ACCOUNTS_OF_MANY_MONTHS, months)


def of_calls(calls: int) -> Load:
    """Calls read and folded, 10,000 to an invocation."""
    size = min(calls, _CALLS_OF_AN_INVOCATION)
    stream_records = read_event(kinesis_event(list(records(Traffic(rate=size, seconds=1)))))
    rule = BillingRule()

    def work() -> None:
        for _ in range(calls // size):
            fold([read_record(one, rule) for one in stream_records], stream_records[0].shard_id)

    return _measured(work)


def of_shards(shards: int) -> Load:
    """Ten heartbeats of the watch: what it knows of each shard, and a record into each."""
    listed = [
        ListedShard(f"shardId-{n:012d}", "0", is_open=True, parents=(), first_position=0)
        for n in range(shards)
    ]

    def work() -> None:
        known = Knowledge()
        for number in range(_RUNS):
            landed = [Landed(shard.shard_id, 10**55 + number) for shard in listed]
            positions = {shard.shard_id: 10**55 + number - 1 for shard in listed}
            known = after_heartbeats(
                known, positions, Heartbeats(1_793_880_000_000 + 60_000 * number, listed, landed)
            )

    return _measured(work)._replace(requests=_RUNS * -(-shards // 500))


def _measured(work: Callable[[], object]) -> Load:
    before, began = _most_memory(), time.process_time()
    work()
    return Load(time.process_time() - began, _most_memory() - before)


def _most_memory() -> float:
    """The most memory that this process has had so far, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Row(NamedTuple):
    """Something that is measured at several orders of magnitude."""

    grows_with: str
    what: str
    sizes: tuple[int, ...]


ROWS: Final[Mapping[str, tuple[Row, Callable[[int], Load]]]] = {
    "calls": (Row("calls", "read and folded", (1_000, 10_000, 100_000, 1_000_000)), of_calls),
    "keys": (Row("keys", "a month reconciled, 32 counters each", (10, 100, 1_000, 10_000)), of_keys),
    "accounts": (Row("accounts", "a second month invoiced", (10, 100, 1_000, 10_000)), of_accounts),
    "months": (Row("months", "the last invoiced, 10 accounts", (1, 3, 12, 36)), of_months),
    "shards": (Row("shards", "ten heartbeats", (1, 10, 100, 1_000)), of_shards),
}


def measured(kind: str, size: int) -> Load:
    """A figure, by a process of its own."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tools.load_table", kind, str(size)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=inherited(),
    )
    return Load(*json.loads(done.stdout))


def _cell(size: int, load: Load) -> str:
    requests = f", {load.requests:,} requests" if load.requests else ""
    return f"{size:,}: {load.seconds:.3g} s, {max(load.megabytes, 0):.0f} MB{requests}"


def _lines() -> Iterator[str]:
    yield "| grows with | what | | | | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind, (row, _) in ROWS.items():
        cells = [_cell(size, measured(kind, size)) for size in row.sizes]
        yield f"| {' | '.join([row.grows_with, row.what, *cells])} |"


def main(arguments: Sequence[str]) -> None:
    """Print one figure, or replace the table of the page."""
    if arguments:
        kind, size = arguments
        print(json.dumps(ROWS[kind][1](int(size))))
        return
    page = PAGE.read_text(encoding="utf-8")
    table = "\n".join(_lines())
    PAGE.write_text(_TABLE.sub(lambda _: table + "\n", page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
