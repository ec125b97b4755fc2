"""`usage-meter lines`, from a file to its exit code."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli.log_lines import sample_file
from cli.log_lines.log_group import recent_lines
from cli.log_lines.sample_file import MOST_BYTES, lines_in
from cli.main import app
from tests.metering.calls.test_line_sample import CALL_MS, CLF, FIELDS, HTTP_DEFAULT, TAIL, line

EVENT = {"id": "1", "timestamp": CALL_MS, "message": line()}
DELIVERY = json.dumps(
    {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logEvents": [EVENT, {**EVENT, "id": "2"}]}
)
FILTERED = json.dumps(
    {"events": [{"logStreamName": "s", "timestamp": CALL_MS, "message": line(), "eventId": "1"}]}, indent=4
)


def played(path: Path, *options: str) -> tuple[int, str]:
    """The exit code and what is printed."""
    shown = CliRunner().invoke(app, ["lines", str(path), *options])
    return shown.exit_code, shown.stdout


def written(path: Path, *texts: str) -> Path:
    """A file with these lines."""
    path.write_text("\n".join(texts) + "\n")
    return path


def test_all_are_counted(tmp_path: Path) -> None:
    """Exit 0."""
    code, shown = played(written(tmp_path / "log", line(), line(extendedRequestId="Z=")))
    assert 0 == code
    assert "2 lines; 2 counted" in shown


def test_some_are_not(tmp_path: Path) -> None:
    """Exit 1; each kind has its number, an example and the mend, and the example commands no terminal."""
    code, shown = played(written(tmp_path / "log", line(), CLF + "\x1b[2J", TAIL + line(), HTTP_DEFAULT))
    assert 1 == code
    assert "4 lines; 1 counted, 1 counted under no key, 2 not counted" in shown
    assert "1 not counted  common_log_format" in shown
    assert "set the stage's access-log format to JSON" in shown
    assert "sed 's/^[^{]*//'" in shown
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown


def test_counted_for_nobody_is_a_problem(tmp_path: Path) -> None:
    """Exit 1: the default format of an HTTP API names no key."""
    assert 1 == played(written(tmp_path / "log", HTTP_DEFAULT))[0]


def test_json(tmp_path: Path) -> None:
    """The same for programs."""
    code, shown = played(written(tmp_path / "log", line(), "x" * 1000), "--json")
    found = json.loads(shown)
    assert 1 == code
    assert (2, 1, 0, 1) == tuple(found[name] for name in ("lines", "fully", "for_nobody", "not"))
    assert ["no_json", "counted"] == [kind["kind"] for kind in found["kinds"]]
    assert found["kinds"][0]["example"].endswith("... and 600 more characters")


def test_fields_and_limit(tmp_path: Path) -> None:
    """A field map, and no more lines than wished."""
    path = written(tmp_path / "log", line(status=None, code="200"), CLF)
    assert 0 == played(path, "--fields", "status=code", "--limit", "1")[0]


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(line().encode()),
        f"\ufeff{line()}\r\n\r\n".encode(),
        line().encode("utf-16"),
        FILTERED.encode(),
        json.dumps([EVENT]).encode(),
        json.dumps(EVENT).encode() + b"\n",
    ],
    ids=["gzip", "mark and line ends", "PowerShell", "filter-log-events", "a list of events", "an event"],
)
def test_forms_of_files(data: bytes, tmp_path: Path) -> None:
    """Bare lines and the envelopes of CloudWatch Logs, as files have them."""
    path = tmp_path / "log"
    path.write_bytes(data)
    code, shown = played(path)
    assert (0, True) == (code, "1 line; 1 counted" in shown)


def test_deliveries_one_after_the_other() -> None:
    """As Firehose writes them to S3: with nothing between."""
    expected = [(line(), CALL_MS)] * 4
    assert expected == [tuple(one) for one in lines_in((DELIVERY + DELIVERY).encode())]


def test_a_line_that_speaks_of_messages_is_no_envelope() -> None:
    """Formats have a field `message`, for the gateway's error."""
    text = json.dumps({**FIELDS, "message": "Forbidden"})
    assert [(text, None)] == [tuple(one) for one in lines_in(text.encode())]


def test_standard_input() -> None:
    """With `-`."""
    shown = CliRunner().invoke(app, ["lines", "-"], input=line())
    assert (0, True) == (shown.exit_code, "-: 1 line; 1 counted" in shown.stdout)


def test_of_a_large_file_the_beginning_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the end of a line, packed or not. (What is large is less here.)"""
    most = MOST_BYTES // 64
    monkeypatch.setattr(sample_file, "MOST_BYTES", most)
    path = tmp_path / "log.gz"
    one = line().encode() + b"\n"
    path.write_bytes(gzip.compress(one * (most // len(one) + 2), 1))
    code, shown = played(path, "--limit", "10000000")
    assert 0 == code
    assert f"{most // len(one):,} lines" in shown


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(line().encode())[:-9], None])
def test_nothing_to_read(content: bytes | None, tmp_path: Path) -> None:
    """An empty, damaged or absent file is wrong use, reported in a sentence."""
    path = tmp_path / "log"
    if content is not None:
        path.write_bytes(content)
    shown = CliRunner().invoke(app, ["lines", str(path)])
    assert "log" in str(shown.exception)
    assert 2 == getattr(shown.exception, "exit_code", None)


@pytest.mark.parametrize(
    "arguments", [["lines"], ["lines", "x", "--log-group", "y"], ["lines", "x", "--fields", "nothing=1"]]
)
def test_wrong_use(arguments: list[str]) -> None:
    """One source, and fields that calls have."""
    assert 2 == CliRunner().invoke(app, arguments).exit_code


@pytest.fixture
def log_group() -> Iterator[str]:
    """A group with an old line and two of this hour."""
    with mock_aws():
        logs = boto3.client("logs", "eu-central-1")
        logs.create_log_group(logGroupName="api")
        logs.create_log_stream(logGroupName="api", logStreamName="s")
        now = int(datetime.now(UTC).timestamp() * 1000)
        logs.put_log_events(
            logGroupName="api",
            logStreamName="s",
            logEvents=[
                {"timestamp": now - 7_200_000, "message": "old"},
                {"timestamp": now - 2000, "message": "first"},
                {"timestamp": now - 1000, "message": "second"},
            ],
        )
        yield "api"


def test_a_log_group(log_group: str) -> None:
    """Its last hour, each line with the time at which it was logged, and no more lines than wished."""
    logs = boto3.client("logs", "eu-central-1")
    now = datetime.now(UTC)
    found = list(recent_lines(logs, log_group, now, 10))
    assert ["first", "second"] == [one.text for one in found]
    assert all(
        one.logged_at_ms is not None and one.logged_at_ms > (now - timedelta(hours=1)).timestamp() * 1000
        for one in found
    )
    assert ["first"] == [one.text for one in islice(recent_lines(logs, log_group, now, 1), 5)]


def test_the_command_reads_a_log_group(log_group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the usual settings."""
    for name, value in {
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(app, ["lines", "--log-group", log_group])
    assert 1 == shown.exit_code
    assert "api: 2 lines; 2 not counted" in shown.stdout
