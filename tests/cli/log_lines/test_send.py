"""`usage-meter send`: lines of a file into the meter's log group."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.common.errors import CommandError
from cli.log_lines import send_session
from cli.log_lines.send_session import LONGEST_SPAN_MS, MOST_BYTES, MOST_EVENTS, Sending, batches
from cli.main import app
from local_cloud.stack import LocalCloud
from tests.factories import line


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """One whose log group takes lines."""
    with LocalCloud() as running:
        running.publish()
        yield running


@pytest.fixture(autouse=True)
def address(
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> None:
    """The command finds the cloud by the usual settings."""
    for name, value in cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)


def sent(*arguments: str, stdin: bytes = b"") -> Any:
    """The command as it is typed."""
    return CliRunner().invoke(app, ["send", *arguments], input=stdin, catch_exceptions=False)


def test_lines_of_a_file_and_of_standard_input(tmp_path: Path) -> None:
    """Plain, gzip or piped, all are put; the local cloud asks nothing, and the JSON says how many."""
    log = tmp_path / "access.jsonl.gz"
    log.write_bytes(gzip.compress(f"{line()}\n\n{line()}\n".encode()))
    shown = sent(str(log))
    assert (0, True) == (shown.exit_code, shown.stdout.startswith("2 lines sent to "))

    shown = sent("-", "--json", stdin=f"{line()}\n{'x' * 100}\n{line()}".encode())
    assert (0, 3) == (shown.exit_code, json.loads(shown.stdout)["sent"])
    assert "3 lines sent to" in shown.stderr


@pytest.mark.parametrize("form", [lambda events: {"events": events, "searchedLogStreams": []}, list])
def test_a_document_over_many_lines(form: Callable[[list[dict[str, Any]]], Any], tmp_path: Path) -> None:
    """What `aws logs filter-log-events` prints is sent with the times at which its lines were logged."""
    now = time.time_ns() // 1_000_000
    events = [{"timestamp": now - n, "message": line(), "eventId": str(n)} for n in range(3)]
    log = tmp_path / "events.json"
    log.write_text(json.dumps(form(events), indent=4))

    found = list(send_session.events_in(str(log), now + 60_000))
    assert [{"message": one["message"], "timestamp": one["timestamp"]} for one in events] == found
    assert "3 lines sent to " in sent(str(log)).stdout


def test_a_document_without_events(tmp_path: Path) -> None:
    """It is refused with what to give: its lines are no calls."""
    log = tmp_path / "template.json"
    log.write_text(json.dumps({"Resources": {"a": 1}}, indent=2))
    with pytest.raises(CommandError, match="has no log events: give what `aws logs filter-log-events`"):
        list(send_session.events_in(str(log), 0))


def test_what_is_not_taken(tmp_path: Path) -> None:
    """A line that is longer than CloudWatch Logs takes is left out and named, the others are sent: exit 1."""
    log = tmp_path / "access.jsonl"
    log.write_text(f"{'x' * MOST_BYTES}\n{line()}\n")
    shown = sent(str(log))
    assert 1 == shown.exit_code
    assert "1 line sent to" in shown.stdout
    assert "Not taken: 1 line. CloudWatch Logs takes no line of more than 1,048,550 bytes." in shown.stdout
    log.write_text("\n")
    with pytest.raises(CommandError, match="There are no lines in"):
        sent(str(log))
    with pytest.raises(CommandError, match="nowhere cannot be read: No such file"):
        sent("nowhere")


def test_on_aws_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent there is billed: nobody sends it by mistake, and a script says --yes."""
    monkeypatch.setattr(send_session, "_is_local", lambda _logs: False)
    with pytest.raises(CommandError, match=r"--yes\. Nothing was written"):
        sent("-", stdin=line().encode())
    assert 0 == sent("-", "--yes", stdin=line().encode()).exit_code


def test_a_request_takes_what_it_takes() -> None:
    """By number, bytes and span of time; in the order of time."""
    found = Sending("group")
    many: list[Any] = [{"message": "x", "timestamp": 5} for _ in range(MOST_EVENTS + 1)]
    assert [MOST_EVENTS, 1] == [len(batch) for batch in batches(many, found)]
    large: list[Any] = [{"message": "x" * (MOST_BYTES // 2), "timestamp": 5} for _ in range(3)]
    assert [1, 1, 1] == [len(batch) for batch in batches(large, found)]
    far: list[Any] = [{"message": "x", "timestamp": at} for at in (LONGEST_SPAN_MS + 2, 1, 0, 5)]
    assert [[LONGEST_SPAN_MS + 2], [0, 1, 5]] == [
        [event["timestamp"] for event in batch] for batch in batches(far, found)
    ]
    assert 0 == found.too_long


def test_what_cloudwatch_logs_rejects_for_its_time() -> None:
    """Is counted from its answer: the first that are old, the last that are in the future."""
    info = {"tooOldLogEventEndIndex": 2, "expiredLogEventEndIndex": 1, "tooNewLogEventStartIndex": 9}
    assert [0, 3, 2] == [
        send_session.rejected_of(answer, 10)  # type: ignore[arg-type]
        for answer in (
            {},
            {"rejectedLogEventsInfo": info},
            {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 2}},
        )
    ]
