"""`usage-meter archive` against a cloud with a sealed month, and the commands that meet an archived one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.top_keys import DynamoDBTopKeys
from cli.look_up import usage_source
from cli.main import main
from cli.month_end import archive_session
from metering.counters.ports import TopKeysList
from metering.period import Period
from metering.proof.archive import ArchiveMark
from tests.reconciliation.archive.archiving import CALLS, FINAL, ROWS, Archivist
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, running

MONTH = "2026-10"
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment whose October is sealed."""
    for deployment in running():
        deployment.both(CALLS)
        Archivist(deployment).close()
        deployment.cloud.publish()
        yield deployment


@pytest.fixture
def deployment(
    cloud: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> Deployment:
    """The command finds the deployment by the usual settings, at a time at which the month is final."""
    for name, value in cloud.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(archive_session, "utc_now", lambda: FINAL)
    monkeypatch.setattr(usage_source, "utc_now", lambda: FINAL)
    return cloud


@pytest.fixture
def typed(
    deployment: Deployment,  # noqa: ARG001 - it comes first
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs a command as it is typed: exit code, and all that was written."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["usage-meter", *arguments])
        try:
            code = main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


def test_there_and_back(deployment: Deployment, typed: Run, tmp_path: Path) -> None:
    """A month is shown, archived, and restored; what needs its counters says how they come back."""
    archivist = Archivist(deployment)
    begun, out = archivist.counters(), tmp_path / "archive.json"
    usage, explain = (
        ("usage", "b", "--period", f"{MONTH}-05"),
        ("explain", "b", "--period", f"{MONTH}-05"),
    )
    code, dry = typed("archive", MONTH, "--dry-run")
    assert (0, f"{MONTH}: 4 counters of days, of 3 keys, move to 1 object of the lake's bucket.") == (
        code,
        dry[: dry.index(" Months' own")],
    )
    before = typed(*usage, "--json"), typed(*explain, "--json", "--no-lake")
    code, shown = typed("archive", MONTH)
    assert (2, begun) == (code, archivist.counters()), shown
    code, shown = typed("archive", MONTH, "--yes", "--out", str(out))
    document = json.loads(out.read_text())
    assert (0, "archived", ROWS, 3, 1, 1) == (
        code,
        document["state"],
        document["counters"],
        document["keys"],
        document["batches"],
        document["batches_moved"],
    )
    assert [] == archivist.days()
    assert f"{MONTH} is archived: {ROWS} counters of 3 keys in archive/{MONTH}/index-" in shown
    assert shown[shown.index(f"{MONTH} is archived") :] == typed("archive", MONTH, "--yes")[1]
    for command in (["reconcile", MONTH], ["rebuild", MONTH, "--allow-incomplete"]):
        code, refused = typed(*command)
        assert 1 == code
        assert f"usage-meter: {MONTH} is archived: the counters of its days are not in the table." in refused
    for was, now in zip(
        before, (typed(*usage, "--json"), typed(*explain, "--json", "--no-lake")), strict=True
    ):
        assert _counted(was) == _counted(now)
    assert 0 == typed("archive", MONTH, "--restore", "--dry-run")[0]
    assert [] == archivist.days()
    code, shown = typed("archive", MONTH, "--restore", "--yes")
    assert (0, begun) == (code, archivist.counters())
    assert (0, f"{MONTH} is not archived: the counters of its days are in the table\n") == typed(
        "archive", MONTH, "--status"
    )
    code, shown = typed("archive", "2026-09", "--restore", "--yes")
    assert (1, True) == (
        code,
        "2026-09 never was archived: the counters of its days are in the table" in shown,
    )


def test_a_counter_that_no_mark_counts_as_out(deployment: Deployment, typed: Run) -> None:
    """A day that is missing though its month is not archived, as after a restore of the table, comes back."""
    archivist = Archivist(deployment)
    assert [0, 0] == [typed("archive", MONTH, *way, "--yes")[0] for way in ((), ("--restore",))]
    begun, place = archivist.counters(), {"pk": {"S": "key:a"}, "sk": {"S": f"{MONTH}-31#0"}}
    deployment.dynamodb.delete_item(TableName=deployment.settings.counters_table, Key=place)
    code, shown = typed("archive", MONTH, "--restore", "--dry-run")
    assert (0, True) == (code, f"{MONTH} is not archived now. What the table lacks of 4 counters" in shown)
    assert begun != archivist.counters()
    code, shown = typed("archive", MONTH, "--restore", "--yes")
    assert (0, begun, None) == (code, archivist.counters(), archivist.table.read(OCTOBER)), shown


def test_a_counter_that_came_back(deployment: Deployment, typed: Run) -> None:
    """A day that is in the table though its month is archived, as after a restore of the table, leaves it,
    and this is reported. A month whose archiving was interrupted is a problem of the meter's health.
    """
    archivist, place = Archivist(deployment), ("key:a", f"{MONTH}-31#0")
    day = archivist.items()[place]
    assert 0 == typed("archive", MONTH, "--yes")[0]
    deployment.dynamodb.put_item(TableName=deployment.settings.counters_table, Item=day)
    assert 0 == typed("archive", MONTH, "--dry-run")[0]
    assert [place] == archivist.days()
    code, shown = typed("archive", MONTH)
    assert (0, []) == (code, archivist.days())
    assert "1 counter of the archive had come back with a restore of the table, and left it again" in shown
    assert f"- {MONTH} is" not in typed("health")[1]
    assert 0 == typed("archive", MONTH, "--restore", "--yes")[0]
    archivist.table.begin(ArchiveMark(OCTOBER, "index", "0" * 64, 2, 0), "ops")
    shown = " ".join(typed("health")[1].split())
    begun = archivist.table.read(OCTOBER)
    assert begun is not None
    assert archivist.table.end(begun)
    assert f"- {MONTH} is partly archived: 0 of 2 batches left the table. Unless a job is at work" in shown


TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
plans:
  pro:
    - version: v1
      valid_from: 2026-01
      prices: [{metric: requests, model: flat, unit_price: 0.1}]
accounts:
  acme: {keys: [a, b], plan: pro}
"""


def test_what_meets_an_archived_month(deployment: Deployment, typed: Run, tmp_path: Path) -> None:
    """An invoice, the proof of what was billed, a closing, the list of the largest keys and look-ups of the
    month and of its days say the same of an archived month as before; a repair and a comparison are refused,
    with the way back; and an object of the archive that was altered is named.
    """
    updates = ConditionalUpdates(deployment.dynamodb, 1)
    top_keys = DynamoDBTopKeys(deployment.settings.counters_table, updates)
    top_keys.put(TopKeysList(Period(MONTH), "shardId-000000000000", 1, {"b": 2, "a": 2}))
    tariff, archivist = tmp_path / "tariff.yaml", Archivist(deployment)
    tariff.write_text(TARIFF)
    ways: list[tuple[str, ...]] = [
        ("invoice", MONTH, "--tariff", str(tariff), "--draft", "--json"),
        ("close", MONTH, "--yes"),
        ("top", "--period", MONTH),
        ("usage", "b", "--period", MONTH),
        ("usage", "b", "--period", f"{MONTH}-05"),
        ("usage", "a", "--from", f"{MONTH}-01", "--to", f"{MONTH}-31"),
        ("usage", "a", "--period", f"{MONTH}-02"),
    ]
    before = [_undated(typed(*way)) for way in ways]
    assert all(code in (0, 1) for code, _ in before), before
    assert 0 == typed("archive", MONTH, "--yes")[0]
    assert before == [_undated(typed(*way)) for way in ways]
    code, shown = typed("verify")
    assert (0, True) == (code, "archive" not in shown), shown
    for refused in (
        ("reconcile", MONTH),
        ("reconcile", MONTH, "--repair", "--yes"),
        ("rebuild", MONTH, "--allow-incomplete"),
    ):
        code, shown = typed(*refused)
        assert (1, True) == (code, f"`usage-meter archive {MONTH} --restore`" in shown), shown
    (part,) = [name for name in archivist.objects("archive/") if name.endswith(".gz")]
    content = archivist.bucket.content(part)
    archivist.bucket.put(part, content[:-1])
    try:
        code, shown = typed("verify", "--no-rows")
        assert (1, True) == (code, f"{part} was altered" in shown), shown
        for way in (*ways[4:], ("explain", "b", "--period", f"{MONTH}-05", "--no-lake")):
            code, shown = typed(*way)
            assert (2, True) == (code, f"{part} is not what was archived" in shown), shown
        assert 2 == typed("archive", MONTH, "--restore", "--yes")[0]
        assert [] == archivist.days()
    finally:
        archivist.bucket.put(part, content)
    assert 0 == typed("archive", MONTH, "--restore", "--yes")[0]


def _undated(answer: tuple[int, str]) -> tuple[int, str]:
    """The same without times."""
    code, text = answer
    return code, re.sub(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "", text)


def _counted(answer: tuple[int, str]) -> object:
    code, text = answer
    found = json.loads(text)
    return code, found.get("totals") or found["counter"], found.get("parts")


def test_refused(typed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month that is not final or not sealed is refused, with what to do."""
    code, shown = typed("archive", "2026-09", "--yes")
    assert (1, "usage-meter: 2026-09 is open: seal it with `usage-meter close 2026-09` first.\n") == (
        code,
        shown,
    )
    monkeypatch.setattr(archive_session, "utc_now", lambda: AFTER)
    code, shown = typed("archive", MONTH, "--yes")
    assert 1 == code
    assert f"{MONTH} is not final: the invoices of 2027-10 adjust it for the last time" in shown
