"""`usage-meter usage` against a local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.look_up import usage_source
from metering.errors import Misconfigured
from tests.cli.look_up.looked_up import NOW, LookedUp, invoke, looked_up
from tests.usage_api.meter import FORMULA_KEY, HOSTILE_KEY


@pytest.fixture(scope="module")
def cloud() -> Iterator[LookedUp]:
    """One for all tests: none of them counts anything."""
    with looked_up() as running:
        running.refill()
        running.confirm()
        yield running


@pytest.fixture(autouse=True)
def address(
    cloud: LookedUp,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> None:
    """The command finds the cloud by the usual settings, at a time of its own."""
    for name, value in cloud.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(usage_source, "utc_now", lambda: NOW)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["alice"], "keys/alice/usage"),
        (["alice", "--period", "2026-11"], "keys/alice/usage/2026-11"),
        (["alice", "--period", "2026-11-05"], "keys/alice/usage/2026-11-05"),
        (
            ["bob", "--from", "2026-11-05", "--to", "2026-11-24"],
            "keys/bob/usage?from=2026-11-05&to=2026-11-24",
        ),
        ([HOSTILE_KEY], "keys/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E/usage"),
        ([], "top"),
    ],
)
def test_json_is_the_answer_of_the_api(cloud: LookedUp, arguments: list[str], path: str) -> None:
    """Word for word, on one line."""
    shown = invoke("usage", *arguments, "--json")
    (line,) = shown.stdout.splitlines()
    assert (0, cloud.ask(path)) == (shown.exit_code, json.loads(line))


def test_a_key_that_nobody_has(cloud: LookedUp, tmp_path: Path) -> None:
    """Its zeros are shown as the API answers them, and it is said that the meter does not know it."""
    out = tmp_path / "nobody.json"
    shown = invoke("usage", "nobody", "--out", str(out))
    assert "usage-meter: The key 'nobody' is not known: no call of it was counted" in shown.stderr
    assert (0, cloud.ask("keys/nobody/usage")) == (shown.exit_code, json.loads(out.read_text()))
    assert "" == invoke("usage", "alice", "--period", "2025-01").stderr


def test_a_month_as_a_picture() -> None:
    """Totals, a column for each day, when it was asked and how complete it is."""
    shown = invoke("usage", "alice")
    lines = shown.stdout.splitlines()
    assert (0, "alice  2026-11, until 2026-12-01 00:00:00 UTC") == (shown.exit_code, lines[0])
    assert [
        ["requests", "11"],
        ["billable", "9", "81.8", "%"],
        ["errors", "2", "18.2", "%"],
        ["response", "bytes", "1,100"],
        ["request", "bytes", "110"],
        ["mean", "latency", "5.0", "ms"],
    ] == [line.split() for line in lines[2:8]]
    chart = lines[9:17]
    assert ["10", "│", "██"] == chart[0].split()
    assert 2 == sum(bool(column.strip()) for column in columns(chart[5], width=3))
    assert ["11-01", "11-30"] == chart[7].split()
    assert "As of 2026-11-24 19:00:03, complete through 2026-11-24 18:59:00 UTC, 63 s before" == lines[-1]


def columns(line: str, width: int) -> list[str]:
    """The cells of a line of the chart."""
    _, _, cells = line.partition("│")
    return [cells[start : start + width] for start in range(0, len(cells), width)]


def test_a_day_has_hours() -> None:
    """A column for each."""
    shown = invoke("usage", "alice", "--period", "2026-11-05")
    assert ["00h", "23h"] == shown.stdout.splitlines()[-3].split()
    assert "alice  2026-11-05, until 2026-11-06 00:00:00 UTC" == shown.stdout.splitlines()[0]


def test_a_range_has_days() -> None:
    """A column for each, over the month's end."""
    shown = invoke("usage", "alice", "--from", "2026-10-30", "--to", "2026-11-05")
    assert "alice  2026-10-30 to 2026-11-05, until 2026-11-06 00:00:00 UTC" == shown.stdout.splitlines()[0]
    assert ["10-30", "11-05"] == shown.stdout.splitlines()[-3].split()


def test_without_usage() -> None:
    """A key that was never used is no mistake."""
    shown = invoke("usage", "nobody")
    assert (0, ["requests", "0"]) == (shown.exit_code, shown.stdout.splitlines()[2].split())


def test_csv_runs_nothing() -> None:
    """A key that a spreadsheet would run is text."""
    shown = invoke("usage", FORMULA_KEY, "--csv")
    assert [
        "\ufeffkey,period,requests",
        "'=HYPERLINK('http://evil.example'),2026-11-05,40",
        "'=HYPERLINK('http://evil.example'),2026-11-24,4",
    ] == shown.stdout.splitlines()


def test_without_a_key() -> None:
    """The heaviest keys are shown, the reserved ones not among them."""
    shown = invoke("usage", "--period", "2026-11")
    assert ["bob", "alice"] == [line.split()[0] for line in shown.stdout.splitlines()[3:5]]
    assert "malformed" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["alice", "--period", "2026-11-05T07"], "write 2026-11-05 (UTC)"),
        (["alice", "--period", "november"], "is not a valid month or day"),
        (["alice", "--period", "2026-13"], "is not a valid month or day"),
        (["alice", "--from", "2026-11-01"], "give both from and to"),
        (["alice", "--from", "2026-11-02", "--to", "2026-11-01"], "comes after"),
        (["alice", "--from", "2026-01-01", "--to", "2026-11-01"], "at most 92"),
        (["alice", "--from", "2026-02-30", "--to", "2026-03-01"], "is not a valid day"),
        (
            ["alice", "--period", "2026-11", "--from", "2026-11-01", "--to", "2026-11-02"],
            "give a period or",
        ),
        (["alice", "--json", "--csv"], "give --json or --csv"),
        (["--period", "2026-11-05"], "name a key"),
        (["--from", "2026-11-01", "--to", "2026-11-02"], "name a key"),
        (["a\nb"], "control character"),
        ([""], "names no key"),
    ],
)
def test_wrong_use(arguments: list[str], reason: str) -> None:
    """Is reported before anything is asked, with the way out."""
    shown = invoke("usage", *arguments)
    assert 2 == shown.exit_code
    assert reason in " ".join(shown.output.replace("│", " ").split())


def test_no_such_stack() -> None:
    """Is named."""
    with pytest.raises(Misconfigured, match="there is no stack elsewhere in us-east-1"):
        invoke("usage", "alice", "--stack", "elsewhere")
