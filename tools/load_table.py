"""The third table of docs/scale.md: processor time, memory and requests, by calls, keys, accounts and so on.

    python -m tools.load_table                      # measures everything, and writes the table into the page
    python -m tools.load_table accounts             # a row of it
    python -m tools.load_table keys 1000            # one of the figures

Each figure is of a process of its own. Time is the processor's, and memory the most that the process had
beyond what it had at the beginning; both depend on the machine, requests do not. What is read from AWS is
made up here: its requests are counted, and take no time.
"""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from adapters.settings.process import inherited
from benchmarks.harness.traffic import Traffic, kinesis_event, records
from cli.billing.invoice_files import write_table
from cli.billing.invoice_session import summary
from cli.common.output import write_json
from cli.cost.estimate_session import PRICE_LIST, load_prices
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import AccessLog, from_file
from local_cloud.playback.traffic import TrafficSettings, generate
from local_cloud.template.document import load_template
from metering.billing_rule import BillingRule
from metering.calls.record import read_record
from metering.counters.completeness import Heartbeats, Knowledge, after_heartbeats
from metering.counters.counter import Counter
from metering.counters.heartbeat import Landed, ListedShard
from metering.period import Period
from metering.proof.hours import hours_of
from metering.proof.stored_object import StoredObject
from metering.usage import Usage
from reconciliation.invoices.exports import month_document
from reconciliation.invoices.result import Invoiced
from reconciliation.lake.queries import ALTERED_ROWS, query_text
from reconciliation.reconcile import Reconciler, Sources
from stream_processor.fold import fold
from stream_processor.kinesis_event import read_event
from tools.build_lambda import ROOT
from tools.invoice_load import InvoiceLoad
from tools.scale_table import PAGE

_TABLE: Final = re.compile(r"^\| grows with .*\n(?:\|.*\n)+", re.MULTILINE)
_MONTH: Final = Period("2026-10")
_DAYS: Final = 31
_PARTS: Final = {"12": 1}
"""The calls of a day by its hours."""
_ACCOUNTS_OF_MANY_MONTHS: Final = 10
_CALLS_OF_AN_INVOCATION: Final = 10_000
_RUNS: Final = 10
_LINES_OF_A_REQUEST: Final = 100
_KEYS_OF_THE_LINES: Final = 20


class Load(NamedTuple):
    """What something took."""

    seconds: float
    """Of the processor."""
    megabytes: float
    requests: int = 0
    """0: they do not depend on it."""
    usd: float = 0.0
    """What AWS asks for requests, and for the processor's time in a function, by `estimate`'s price list."""


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

    def objects(self) -> Iterator[StoredObject]:
        return iter(())

    def read(self, _name: str) -> bytes | None:
        return None


def comparison(keys: int) -> Callable[[], Callable[[], object]]:
    """A reconciliation of a month: 32 counters and 31 rows a key, which agree."""

    def prepared() -> Callable[[], object]:
        month = _Month(keys)
        sources = Sources(month, month, _NoObjects())
        job = Reconciler(sources, lambda: datetime(2026, 11, 5, tzinfo=UTC), allow_incomplete=True)
        return lambda: job.reconcile(_MONTH, run_id="run")

    return prepared


def of_keys(keys: int) -> Load:
    """A reconciliation of a month."""
    return _in_function(measured_load(comparison(keys)()), "ReconciliationFunction")


def _invoiced(accounts: int, months: int) -> Load:
    """The invoices of the last of so many months."""
    load = InvoiceLoad(accounts, months)
    measured = measured_load(load.invoice)
    usd = sum(load_prices(PRICE_LIST).amount(name, count) for name, count in load.requests.items())
    return measured._replace(requests=sum(load.requests.values()), usd=float(usd))


def of_accounts(accounts: int) -> Load:
    """The first invoices."""
    return _invoiced(accounts, 1)


def of_late_accounts(accounts: int) -> Load:
    """The invoices of a 36th month, with adjustments of the 12 before for a tenth of the accounts."""
    return _invoiced(accounts, 36)


def of_exported_accounts(accounts: int) -> Load:
    """A month's documents as one JSON document, as a table and in the summary of a run."""
    invoiced = InvoiceLoad(1, 1).issued(accounts)
    with TemporaryDirectory() as folder:
        return measured_load(lambda: _export(invoiced, Path(folder)))


def _export(invoiced: Invoiced, folder: Path) -> None:
    write_json(folder / "month.json", month_document(invoiced.month, invoiced.invoices, invoiced.unpriced))
    write_json(folder / "summary.json", summary(invoiced))
    for name in ("table.json", "table.csv"):
        write_table(folder / name, invoiced)


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

    return _in_function(measured_load(work), "StreamProcessorFunction")


def of_lines(lines: int) -> Load:
    """The demo with so many lines: played, counted, brought to the lake, and proved there."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        writer = get_context("spawn").Process(target=write_log, args=(lines, path))  # whose memory is its own
        writer.start()
        writer.join()
        log = from_file(path)
        return measured_load(lambda: play(log))


def write_log(lines: int, path: Path) -> None:
    """An access log of generated traffic."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"{line}\n" for line in generate(TrafficSettings(calls=lines, keys=_KEYS_OF_THE_LINES))
        )


def play(log: AccessLog) -> None:
    """The demo, without its screen and its page.

    Raises:
        RuntimeError: a line was not counted exactly once.
    """
    with Demo(DemoSettings(log, lines_of_a_request=_LINES_OF_A_REQUEST), DemoProgress(log.total)) as demo:
        demo.play()
        demo.settle()
        if problems := demo.reconcile().problems:
            raise RuntimeError("; ".join(problems))


def heartbeats(shards: int) -> Callable[[], Callable[[], object]]:
    """Ten runs of the watch: what it knows of each shard, and a record into each."""

    def prepared() -> Callable[[], object]:
        listed = [
            ListedShard(f"shardId-{n:012d}", "0", is_open=True, parents=(), first_position=0)
            for n in range(shards)
        ]

        def work() -> None:
            known = Knowledge()
            for number in range(_RUNS):
                landed = [Landed(shard.shard_id, 10**55 + number) for shard in listed]
                positions = {shard.shard_id: 10**55 + number - 1 for shard in listed}
                found = Heartbeats(1_793_880_000_000 + 60_000 * number, listed, landed)
                known = after_heartbeats(known, positions, found)

        return work

    return prepared


def of_shards(shards: int) -> Load:
    """Ten heartbeats."""
    load = _in_function(measured_load(heartbeats(shards)()), "WatchFunction")
    return load._replace(requests=_RUNS * -(-shards // 500))


def _in_function(load: Load, name: str) -> Load:
    """What is measured, with what its time costs in a function of the template."""
    usd = load_prices(PRICE_LIST).amount("lambda_gb_seconds", 1)
    return load._replace(usd=load.seconds * gigabytes(name) * float(usd))


def gigabytes(function: str) -> float:
    """The memory of a function of the template."""
    return int(load_template()["Resources"][function]["Properties"]["MemorySize"]) / 1024


def measured_load(work: Callable[[], object]) -> Load:
    """What some work takes of this process."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most is counted anew
    before, began = memory("VmRSS"), time.process_time()
    work()
    return Load(time.process_time() - began, memory("VmHWM") - before)


def memory(which: str) -> float:
    """The memory that this process has now (VmRSS), or has had at most (VmHWM), in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{which}:")[2].split()[0]) / 1024


class Row(NamedTuple):
    """Something that is measured at several orders of magnitude."""

    grows_with: str
    what: str
    sizes: tuple[int, ...]


ROWS: Final[Mapping[str, tuple[Row, Callable[[int], Load]]]] = {
    "calls": (Row("calls", "read and folded", (1_000, 10_000, 100_000, 1_000_000)), of_calls),
    "lines": (
        Row("lines", "played by the local cloud, and proved", (1_000, 10_000, 100_000, 1_000_000)),
        of_lines,
    ),
    "keys": (Row("keys", "a month reconciled, 32 counters each", (10, 100, 1_000, 10_000)), of_keys),
    "accounts": (Row("accounts", "a first month invoiced", (100, 1_000, 10_000, 100_000)), of_accounts),
    "late-accounts": (
        Row("accounts", "a 36th month invoiced", (100, 1_000, 10_000, 100_000)),
        of_late_accounts,
    ),
    "exported-accounts": (
        Row("accounts", "a month exported, as tables and summed up", (100, 1_000, 10_000, 100_000)),
        of_exported_accounts,
    ),
    "months": (Row("months", "the last invoiced, 10 accounts", (1, 3, 12, 36)), of_months),
    "shards": (Row("shards", "ten heartbeats", (1, 10, 100, 1_000)), of_shards),
}


def measured(module: str, *arguments: str) -> Load:
    """What a module measures, by a process of its own."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", module, *arguments],
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
    yield "| grows with | what | | | | | USD at the last |"
    yield "| --- | --- | --- | --- | --- | --- | --: |"
    for kind in ROWS:
        yield _line(kind)


def _line(kind: str) -> str:
    row, _ = ROWS[kind]
    loads = {size: measured("tools.load_table", kind, str(size)) for size in row.sizes}
    cells = [_cell(size, load) for size, load in loads.items()]
    return f"{_head(row)} {' | '.join(cells)} | {loads[row.sizes[-1]].usd:.2g} |"


def _head(row: Row) -> str:
    return f"| {row.grows_with} | {row.what} |"


def main(arguments: Sequence[str]) -> None:
    """Print one figure, or replace a row of the page, or all of the table."""
    match arguments:
        case [kind, size]:
            print(json.dumps(ROWS[kind][1](int(size))))
        case [kind]:
            line = _line(kind)
            _replace(re.compile(rf"^{re.escape(_head(ROWS[kind][0]))}.*$", re.MULTILINE), line)
        case _:
            _replace(_TABLE, "\n".join(_lines()) + "\n")


def _replace(pattern: re.Pattern[str], text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(pattern.sub(lambda _: text, page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
