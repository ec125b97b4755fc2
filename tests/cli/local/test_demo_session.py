"""One run of `usage-meter demo` in a terminal."""

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import pytest
import typer
from rich.console import Console

from cli.common.errors import CommandError
from cli.common.output import Output
from cli.local import demo_session
from cli.local.demo_session import DemoOptions, run
from local_cloud.demo import progress
from local_cloud.demo import run as demo_run
from local_cloud.demo.run import DemoSettings
from local_cloud.playback.traffic import TrafficSettings, generate
from metering.usage import Usage
from tests.cli.billing.exports import address_of, shown_at
from tests.local_cloud.demo.broken import broken, changing

CALLS = 200


@pytest.fixture
def access_log(tmp_path: Path) -> Path:
    """A small one."""
    path = tmp_path / "access.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(generate(TrafficSettings(calls=CALLS, keys=5))).encode()))
    return path


def test_a_log_is_played_reported_and_written(
    access_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In plain lines, without a word of the functions' own; the JSON says the same."""
    out, lake = tmp_path / "out.json", tmp_path / "lake"
    run(DemoOptions(access_log, chaos=1, result=Output((out,)), lake=lake, serve=True))

    printed = capsys.readouterr()
    document = json.loads(out.read_text())
    assert (
        f"Playing access.jsonl.gz: {CALLS} lines, faults drawn from seed 1, DynamoDB by moto" in printed.out
    )
    assert "No drift" in printed.out
    assert "stays up" not in printed.out, "without a terminal it ends by itself"
    assert "\x1b" not in printed.out
    assert "{" not in printed.out
    assert "" == printed.err
    assert (CALLS, [], []) == (document["log_events"], document["drift"], document["problems"])
    assert CALLS == distinct_events(lake)


@pytest.mark.exhaustive
def test_the_lake_that_is_kept_is_the_logs_alone(
    access_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a user's log: no key is added to it. Generated traffic is followed by a second act, which shows a
    quota; its calls are not in the lake that is kept.
    """
    run(DemoOptions(access_log, lake=tmp_path / "lake", lines=CALLS // 2))
    assert "quota" not in capsys.readouterr().out
    assert CALLS // 2 == distinct_events(tmp_path / "lake")

    run(DemoOptions(lake=tmp_path / "generated", lines=50))
    printed = capsys.readouterr().out
    assert "generated traffic of 200 keys: 50 lines" in printed
    assert "quota: key" in printed
    assert 50 == distinct_events(tmp_path / "generated")


@pytest.mark.exhaustive
def test_the_dashboard_is_served_at_the_end(
    access_log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal, until Ctrl-C: at the month of the log, with the calls of the log."""
    shown: list[int] = []

    def look(_screen: Console, _add_up: Callable[[], None]) -> None:
        printed = capsys.readouterr().out
        assert "#/overview?month=2026-1" in printed
        shown.append(
            sum(shown_at(address_of(printed), key, f"2026-{month}") for key in keys for month in (10, 11))
        )

    keys = {json.loads(line)["apiKeyId"] for line in gzip.decompress(access_log.read_bytes()).splitlines()}
    monkeypatch.setattr(demo_session, "is_live", lambda _screen: True)
    monkeypatch.setattr(demo_session, "stay_up", look)
    run(DemoOptions(access_log, serve=True))

    assert [CALLS] == shown


def distinct_events(lake: Path) -> int:
    """In the files of a lake, as DuckDB alone reads them."""
    with duckdb.connect() as connection:
        query = "SELECT count(DISTINCT eventid) FROM read_parquet(?, hive_partitioning = true)"
        ((events,),) = connection.execute(query, [f"{lake}/**/*.parquet"]).fetchall()
        return int(events)


def test_a_counter_that_is_wrong_is_exit_code_1(
    access_log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And the difference is named, on the screen and in the JSON."""
    one_more = changing(lambda usage: usage + Usage(requests=1))
    monkeypatch.setattr(demo_session, "DemoSettings", partial(DemoSettings, make_processor=one_more))
    out = tmp_path / "out.json"

    with pytest.raises(typer.Exit) as ended:
        run(DemoOptions(access_log, result=Output((out,))))

    assert 1 == ended.value.exit_code
    assert "PROBLEM: the figures disagree in " in capsys.readouterr().out
    assert json.loads(out.read_text())["drift"]


def test_a_function_that_never_works_is_reported(
    access_log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, with its last failure."""
    monkeypatch.setattr(progress, "_HOPELESS_FAILURES", 3)
    monkeypatch.setattr(demo_run, "MOST_IN_FLIGHT_ON_MOTO", 10)
    monkeypatch.setattr(demo_session, "DemoSettings", partial(DemoSettings, make_processor=broken))

    with pytest.raises(CommandError, match=r"The demo cannot continue: .*TypeError: no") as ended:
        run(DemoOptions(access_log))

    assert 1 == ended.value.exit_code
    assert "" == capsys.readouterr().err


def test_a_log_that_is_damaged(access_log: Path) -> None:
    """Nothing is played of it."""
    access_log.write_bytes(access_log.read_bytes()[:-50])

    with pytest.raises(CommandError, match=r"access\.jsonl\.gz is damaged gzip") as ended:
        run(DemoOptions(access_log))

    assert 2 == ended.value.exit_code


def test_a_dynamodb_elsewhere(access_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables would be replaced: that is refused."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.eu-central-1.amazonaws.com")

    with pytest.raises(CommandError, match=r"is not on this machine: use 127\.0\.0\.1\.") as ended:
        run(DemoOptions(access_log))

    assert 2 == ended.value.exit_code
