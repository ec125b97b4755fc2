"""The audit script, which shares nothing with the meter, against the meter."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from adapters.s3.lake_writer import GlueColumn, parquet
from cli.billing.invoice_files import write_files
from cli.billing.tariff_file import read_tariff_file
from local_cloud.demo.lake_copy import copy_lake
from local_cloud.playback.player import read_lines
from local_cloud.stack import LocalCloud
from metering.billing_rule import BillingRule
from metering.calls.access_log import call_of, read_line
from metering.calls.delivery import LogEvent
from metering.calls.key_names import file_name
from metering.calls.lake_row import LakeRow, lake_row
from metering.calls.record import ReadRecord
from metering.counters.counter import Counter
from metering.period import Period
from metering.prices.invoice import invoice_id
from metering.prices.tariff_file import read_tariff
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.proven_usage import ProvenUsages
from reconciliation.invoices.result import Invoiced
from reconciliation.reconcile import Reconciler, Sources
from stream_processor.fold import fold
from tests.examples import sampled
from tests.local_cloud.athena.workshop import Analyst
from tests.metering.prices.random_tariffs import random_tariff
from tests.reconciliation.invoices.histories import lived
from tests.reconciliation.invoices.samples import Known, Shelves
from tests.reconciliation.month_end import Deployment

ROOT = Path(__file__).resolve().parents[2]
AUDIT = ROOT / "tools" / "audit.py"
ACCESS_LOG = ROOT.parent / "shared" / "data" / "access-log-2026-10.jsonl.gz"
OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
AFTER = datetime(2026, 12, 5, tzinfo=UTC)
COLUMNS = [
    GlueColumn("eventid", "string"),
    GlueColumn("eventtime", "timestamp"),
    GlueColumn("apikeyid", "string"),
    GlueColumn("status", "int"),
    GlueColumn("requestsize", "bigint"),
    GlueColumn("responsesize", "bigint"),
    GlueColumn("responselatency", "bigint"),
    GlueColumn("eventhash", "bigint"),
    GlueColumn("outcome", "string"),
    GlueColumn("billable", "boolean"),
]


def audit(*folders: Path) -> tuple[int, str]:
    """The script as an auditor runs it: exit code and output."""
    ran = subprocess.run(
        [sys.executable, AUDIT, *folders], capture_output=True, text=True, check=False, cwd=folders[0]
    )
    assert "" == ran.stderr
    return ran.returncode, ran.stdout


def audit_here(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> int:
    """The same in this process: its exit code."""
    monkeypatch.setattr(sys, "argv", [str(AUDIT), *map(str, folders)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(AUDIT), run_name="__main__")
    return int(ended.value.code or 0)


def test_is_short_and_shares_nothing_with_the_meter() -> None:
    """Fewer than 80 lines, and no import but DuckDB, PyYAML and Python's own."""
    lines = AUDIT.read_text().splitlines()
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert len(lines) < 80
    assert {"collections", "decimal", "duckdb", "json", "pathlib", "sys", "typing", "yaml"} == imported


# Random tariffs


def random_row(random: Random, key: str, month: Period, number: int) -> LakeRow:
    """A call of any size, status and time in the month."""
    status = random.choice((200, 200, 200, 404, 429, 503))
    response, request = (random.choice((None, random.randint(0, 10**9))) for _ in range(2))
    time = f"{month}-{random.randint(1, 28):02d} 0{random.randint(0, 9)}:30:00.000"
    billable = status not in (429, 503)
    return LakeRow(
        f"{month} {key} {number}", number, time, key, "metered", billable, status, request, response
    )


def usage_of(rows: list[LakeRow]) -> Usage:
    """What the meter counts of rows."""
    return Usage(
        requests=len(rows),
        billable=sum(row.billable for row in rows),
        errors=sum((row.status or 0) >= 400 for row in rows),
        response_bytes=sum(row.responsesize or 0 for row in rows),
        request_bytes=sum(row.requestsize or 0 for row in rows),
    )


def write_lake(folder: Path, rows: list[LakeRow]) -> None:
    """Two files, some of whose rows are in both, and rows of nobody."""
    folder.mkdir()
    others = [LakeRow("-1", 1, "2026-10-01 00:00:00.000", "-", "unattributed", billable=False)]
    for name, some in (("one", rows[: len(rows) * 2 // 3]), ("two", [*rows[len(rows) // 3 :], *others])):
        (folder / f"{name}.parquet").write_bytes(parquet(some, COLUMNS))


@pytest.mark.parametrize("seed", sampled(range(40), 10))
def test_agrees_on_random_tariffs(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model, bound, rounding and zero-month rule, with late calls adjusted on the next invoice; and an
    amount that is a cent off is found.
    """
    random = Random(seed)
    accounts = {"acme": {"keys": ["k1", "k2"], "plan": "p"}, "globex": {"keys": ["k3"], "plan": "p"}}
    file = {**random_tariff(random), "accounts": accounts}
    if random.random() < 0.5:
        file["default_plan"] = "p"
    known, shelf, lake = Known(), Shelves(), list[LakeRow]()
    for month in (OCTOBER, NOVEMBER):
        for called in {OCTOBER, month} if random.random() < 0.7 else {month}:
            for key in ("k1", "k2", "k3", "k4"):
                rows = [
                    random_row(random, key, called, len(lake) + n)
                    for n in range(random.choice((0, 1, 5, 40)))
                ]
                lake += rows
                if rows:
                    known.add(called, key, usage_of(rows))
        Invoicing(known, shelf).invoice(month, read_tariff(file))
    write_kept(tmp_path / "invoices", shelf)
    write_lake(tmp_path / "lake", lake)
    (tmp_path / "tariff.yaml").write_text(yaml.safe_dump(file))
    places = (tmp_path / "lake", tmp_path / "tariff.yaml", tmp_path / "invoices")

    assert 0 == audit_here(monkeypatch, *places)
    change_a_cent(random.choice(sorted((tmp_path / "invoices").rglob("[!u]*/*.json"))))
    assert 1 == audit_here(monkeypatch, *places)


def test_calls_before_an_account_has_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no price, neither here nor there; nor have those of a key of nobody."""
    accounts = {
        "acme": {"keys": ["k1"], "plan": "p"},
        "globex": {"keys": ["k3"], "plan": [{"plan": "p", "valid_from": "2026-11"}]},
    }
    file = {**random_tariff(Random(1)), "accounts": accounts}
    rows = [random_row(Random(1), key, OCTOBER, 1) for key in ("k1", "k3", "k9")]
    known, shelf = Known(), Shelves()
    for row in rows:
        known.add(OCTOBER, row.apikeyid, usage_of([row]))
    invoiced = Invoicing(known, shelf).invoice(OCTOBER, read_tariff(file))
    write_kept(tmp_path / "invoices", shelf)
    write_lake(tmp_path / "lake", rows)
    (tmp_path / "tariff.yaml").write_text(yaml.safe_dump(file))
    assert ["acme"] == [one["account"] for one in invoiced.invoices]
    assert 0 == audit_here(monkeypatch, tmp_path / "lake", tmp_path / "tariff.yaml", tmp_path / "invoices")


def test_an_account_that_nobody_billed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of an invoiced month with a price and without an invoice are found."""
    prices = [{"metric": "requests", "model": "flat", "unit_price": "1"}]
    accounts = {name: {"keys": [key], "plan": "p"} for name, key in (("acme", "k1"), ("globex", "k3"))}
    plans = {"p": [{"version": "v", "valid_from": "2026-01", "prices": prices}]}
    file = {**random_tariff(Random(1)), "plans": plans, "accounts": accounts}
    rows = [random_row(Random(1), key, OCTOBER, 1) for key in ("k1", "k3")]
    known = Known()
    known.add(OCTOBER, "k1", usage_of(rows[:1]))
    write_files(
        tmp_path / "invoices", Invoicing(known, Shelves()).invoice(OCTOBER, read_tariff(file), "acme").issued
    )
    write_lake(tmp_path / "lake", rows)
    (tmp_path / "tariff.yaml").write_text(yaml.safe_dump(file))
    assert 1 == audit_here(monkeypatch, tmp_path / "lake", tmp_path / "tariff.yaml", tmp_path / "invoices")


def test_a_billed_account_that_left_the_tariff(real: Path, tmp_path: Path) -> None:
    """What it was billed is derived by the plan that its invoices name; other prices differ."""
    left = REAL_TARIFF.replace("acme:", "ajax:")
    for text, expected in ((left, 0), (left.replace("flat_fee: 4.5", "flat_fee: 4.6"), 1)):
        (tmp_path / "tariff.yaml").write_text(text)
        code, shown = audit(real / "lake", tmp_path / "tariff.yaml", real / "invoices")
        assert expected == code, shown
    assert "acme 2026-11 requests differs by -0.10" in shown


@pytest.mark.parametrize("seed", sampled(range(12), 4))
def test_agrees_on_the_lives_of_accounts(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New, renamed, merged, split, rotated, moved and ended accounts, other plans, prices, currencies and
    roundings, late calls: the invoices and the last tariff derive every amount. A call that is on no invoice
    is found.
    """
    history, shelf = lived(seed, counts=(1, 2, 7))
    rows = [
        LakeRow(f"{month} {key} {number}", number, f"{month}-11 08:30:00.000", key, "metered", billable=True)
        for month, of_keys in history.calls.items()
        for key, used in of_keys.items()
        for number in range(used["requests"])
    ]
    write_lake(tmp_path / "lake", rows)
    write_kept(tmp_path / "invoices", shelf)
    (tmp_path / "tariff.yaml").write_text(yaml.safe_dump(history.file()))
    places = (tmp_path / "lake", tmp_path / "tariff.yaml", tmp_path / "invoices")
    assert 0 == audit_here(monkeypatch, *places)
    (tmp_path / "lake" / "late.parquet").write_bytes(
        parquet([LakeRow("late", 1, "2026-02-11 08:30:00.000", "k99", "metered", billable=True)], COLUMNS)
    )
    assert 1 == audit_here(monkeypatch, *places)


def write_kept(folder: Path, shelf: Shelves) -> None:
    """All that was kept of invoices, as it is copied out of the bucket."""
    for (month, place, name), content in shelf.kept.items():
        (folder / month / file_name(place)).mkdir(parents=True, exist_ok=True)
        (folder / month / file_name(place) / name).write_bytes(content)


def test_names_that_command_a_terminal(real: Path, tmp_path: Path) -> None:
    """They are printed so that they do not."""
    document = json.loads((real / "invoices" / OCTOBER / "acme" / "invoice.json").read_text())
    document["account"] = "a\x1b[2J\u202ex"
    (tmp_path / "invoice.json").write_text(json.dumps(document))
    change_a_cent(tmp_path / "invoice.json")
    code, shown = audit(real / "lake", real / "tariff.yaml", tmp_path)
    assert 1 == code
    assert r"a\x1b[2J\u202ex 2026-10 " in shown
    assert not set(shown) & set("\x1b\u202e")


def change_a_cent(path: Path) -> None:
    """Bill one more of the last digit, with a total that adds up and an id that fits."""
    invoice = json.loads(path.read_text())
    one = Decimal(1).scaleb(-invoice["rounding"]["digits"])
    line = [*invoice["lines"], *invoice["adjustments"]][0]
    for holder, name in ((line, "amount"), (invoice, "total")):
        holder[name] = format(Decimal(holder[name]) + one, "f")
    invoice["id"] = invoice_id(invoice)
    path.write_text(json.dumps(invoice))


# The real log

REAL_TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
zero_month: nothing
default_plan: single
plans:
  single:
    - version: v1
      valid_from: 2026-01
      prices:
        - {metric: billable, model: flat, unit_price: 0.0125, free_units: 2}
        - {id: traffic, metric: response_bytes, model: flat, unit_price: 0.09, per: 1000000, maximum: 3}
  graduated:
    - version: v1
      valid_from: 2026-01
      minimum: 7.5
      prices:
        - metric: billable
          model: graduated
          zero_month: first_tier
          tiers:
            - {up_to: 100, unit_price: 0.01, flat_fee: 1}
            - {up_to: 300, unit_price: 0.004}
            - {unit_price: 0.0025}
    - version: v2
      valid_from: 2026-11
      prices:
        - {metric: requests, model: flat, unit_price: 0.02, flat_fee: 4.5}
        - {id: bytes, metric: response_bytes, model: graduated, per: 1048576, tiers: [{unit_price: 0.3333}]}
      zero_month: lago
  volume:
    - version: v1
      valid_from: 2026-01
      maximum: 4
      prices:
        - metric: requests
          model: volume
          tiers:
            - {up_to: 50, unit_price: 0.02}
            - {up_to: 200, unit_price: 0.012}
            - {unit_price: 0.008, flat_fee: 2.5}
        - {metric: errors, model: package, package_size: 3, package_price: 0.35, free_units: 1, minimum: 0.70,
          zero_month: minimum}
accounts:
  acme: {keys: [b3ce2caea5, "0329dbc180"], plan: graduated}
  globex: {keys: [210df78406, f99c617dff], plan: volume}
  initech:
    keys: [59eeb67860]
    plan: [{plan: volume, valid_from: 2026-10}, {plan: graduated, valid_from: 2026-11}]
  idle: {keys: [never-called], plan: graduated}
"""


class Folded:
    """Counters as the stream processor makes them, without a table."""

    def __init__(self, records: list[ReadRecord]) -> None:
        self._counters = [
            Counter(one.key, one.period, one.totals, dict(one.parts))
            for one in fold(records, "shardId-000000000000")
        ]

    def of_period(self, period: Period) -> Iterator[Counter]:
        """Those of a month and its days."""
        return (one for one in self._counters if one.period.startswith(period))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lake of the real log, the tariff, and the invoices of October and November."""
    if not ACCESS_LOG.exists():
        pytest.skip(f"{ACCESS_LOG} is not there")
    folder = tmp_path_factory.mktemp("real")
    (folder / "tariff.yaml").write_text(REAL_TARIFF)
    with LocalCloud() as cloud:
        deployment = Deployment(cloud)
        sources = real_sources(deployment)
        proofs = ProvenUsages(Reconciler(sources, lambda: AFTER), "s3://lake/lake/", "run")
        job = Invoicing(proofs, Shelves())
        for month in (OCTOBER, NOVEMBER):
            write_files(folder / "invoices", billed(job, month, folder).issued)
        copy_lake(cloud, folder / "lake")
    return folder


def billed(job: Invoicing, month: Period, folder: Path) -> Invoiced:
    """A month's invoices."""
    return job.invoice(month, read_tariff_file(folder / "tariff.yaml"))


def real_sources(deployment: Deployment) -> Sources:
    """The real log in the lake, some of it twice, and in counters."""
    events = [
        LogEvent(str(number), int(json.loads(line)["requestTimeEpoch"]), line)
        for number, line in enumerate(read_lines(ACCESS_LOG))
    ]
    rule = BillingRule()
    days: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        row = lake_row(event, rule)
        days.setdefault(row.eventtime[:10], []).append(
            {name: getattr(row, name) for name in row.__struct_fields__}
        )
    analyst: Analyst = deployment.analyst
    for day, rows in days.items():
        analyst.store(day, *rows)
        analyst.store(day, *rows[:100], name="again")
    calls = [call_of(event, read_line(event.message), rule) for event in events]
    return Sources(
        deployment.sources.queries, Folded([ReadRecord(1, calls)]), deployment.sources.error_prefix
    )


def test_agrees_on_every_account_of_the_real_log(real: Path) -> None:
    """1,753 keys, two months: to the cent."""
    code, shown = audit(real / "lake", real / "tariff.yaml", real / "invoices")
    assert 0 == code, shown
    assert "1862 invoices, 11170 amounts, 0 differ\n" == shown


@pytest.mark.parametrize("account", ["acme", "globex", "initech", "idle", "key%3A1a226ed134"])
def test_finds_a_cent(real: Path, account: str, tmp_path: Path) -> None:
    """An invoice that was changed by a cent, in whatever model, is named."""
    changed = tmp_path / "invoices" / OCTOBER / account
    changed.mkdir(parents=True)
    source = real / "invoices" / OCTOBER / account / "invoice.json"
    (changed / "invoice.json").write_bytes(source.read_bytes())
    change_a_cent(changed / "invoice.json")
    code, shown = audit(real / "lake", real / "tariff.yaml", tmp_path / "invoices")
    assert 1 == code
    assert f"{account.replace('%3A', ':')} 2026-10" in shown
    assert "differs by 0.01" in shown
