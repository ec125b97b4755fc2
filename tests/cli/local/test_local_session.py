"""One run of `usage-meter local`."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from rich.console import Console

from adapters.deployment import Deployment
from adapters.dynamodb.layout import counter_pk
from cli.common.errors import CommandError
from cli.local import local_session
from cli.local.local_session import run
from cli.local.uptime import TRIAL_AMOUNT
from tests.cli.billing.exports import address_of, json_at, shown_at, use
from tests.factories import line

SECONDS = 60


def outputs() -> Deployment:
    """The stack as anybody finds it."""
    return Deployment.of_stack(boto3.session.Session().client("cloudformation"), "usage-meter")


def requests_of(key: str) -> int:
    """What the month's counter of a key holds."""
    (table,) = outputs().values("CountersTableName")
    answer = (
        boto3.session.Session()
        .client("dynamodb")
        .query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :year)",
            ExpressionAttributeValues={":pk": {"S": counter_pk(key)}, ":year": {"S": "20"}},
        )
    )
    return sum(
        int(item["requests"]["N"]) for item in answer["Items"] if len(item["sk"]["S"]) == len("2026-11#0")
    )


def typed(printed: str, beginning: str) -> str:
    """What a line that was printed does in a shell."""
    (command,) = (line for line in printed.splitlines() if line.strip().startswith(beginning))
    done = subprocess.run(
        ["bash", "-c", command], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    return done.stdout


def counted_at_last(printed: str, key: str) -> int:
    """The requests of a key, once there are some."""
    deadline = time.monotonic() + SECONDS
    while not (found := shown_at(address_of(printed), key)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def status_of(address: str) -> int:
    """Of a call with the key that is printed."""
    request = urllib.request.Request(address, headers={"x-api-key": "trial"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_lines_are_counted_while_it_is_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has its address writes to its log group and sees the counter a moment later, and its dashboard
    shows the same. The line that it prints sends another one, as typed; and the API that it names denies a
    key after its limit.
    """
    counted: list[int] = []
    shown: list[int] = []
    sent: list[str] = []
    tried: list[int] = []

    def write_and_look(_screen: Console, _add_up: Callable[[], None]) -> None:
        printed = capsys.readouterr().out
        use(printed, monkeypatch)
        logs, (group,) = boto3.session.Session().client("logs"), outputs().values("AccessLogGroupName")
        now = int(datetime.now(UTC).timestamp() * 1000)
        logs.create_log_stream(logGroupName=group, logStreamName="mine")
        logs.put_log_events(
            logGroupName=group,
            logStreamName="mine",
            logEvents=[{"timestamp": now, "message": line(apiKeyId="shop", requestTimeEpoch=str(now))}],
        )
        deadline = time.monotonic() + SECONDS
        while not counted or (counted[-1] == 0 and time.monotonic() < deadline):
            counted.append(requests_of("shop"))
        shown.append(shown_at(address_of(printed), "shop"))
        sent.append(typed(printed, "echo "))
        shown.append(counted_at_last(printed, "my-key"))
        (api,) = re.findall(r"curl -i -H 'x-api-key: trial' (http://\S+)", printed)
        tried.extend(status_of(api) for _ in range(TRIAL_AMOUNT + 1))

    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).parent / "usage-meter"), "local"])
    monkeypatch.setattr(local_session, "stay_up", write_and_look)
    run(None, None)

    assert 1 == counted[-1]
    assert [1, 1] == shown
    assert "1 line sent to" in sent[0]
    assert [200] * TRIAL_AMOUNT + [429] == tried


def test_a_log_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is counted and in the lake when that is said; the owner's page shows its calls by hour."""
    path = tmp_path / "access.jsonl"
    path.write_text("\n".join(line(extendedRequestId=f"{number}=", apiKeyId="shop") for number in range(20)))
    counted: list[int] = []

    def look(_screen: Console, _add_up: Callable[[], None]) -> None:
        printed = capsys.readouterr().out
        use(printed, monkeypatch)
        assert "20 log events counted and stored in the lake." in printed
        counted.append(requests_of("shop"))
        counted.append(shown_at(address_of(printed), "shop", "2026-10"))
        counted.append(json_at(address_of(printed) + "traffic?period=2026-10")["calls"])

    monkeypatch.setattr(local_session, "stay_up", look)
    run(path, None)

    assert [20, 20, 20] == counted


def test_a_log_without_lines(tmp_path: Path) -> None:
    """Is reported before anything starts."""
    path = tmp_path / "empty"
    path.write_text("")

    with pytest.raises(CommandError, match="has no lines"):
        run(path, None)
