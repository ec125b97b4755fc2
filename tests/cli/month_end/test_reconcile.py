"""`usage-meter reconcile` and `usage-meter redrive` against a cloud that was played."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from adapters.dynamodb.completeness import CompletenessReader
from adapters.dynamodb.layout import counter_pk
from cli.main import app
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import from_file
from metering.counters.completeness import Completeness
from tests.factories import line

CALLS = 30
MONTH = "2026-10"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A cloud with calls of one key, and a record that cannot be decoded."""
    path = tmp_path_factory.mktemp("log") / "access.jsonl"
    path.write_text(
        "\n".join(line(extendedRequestId=f"{number}=", apiKeyId="shop") for number in range(CALLS))
    )
    log = from_file(path)
    with Demo(DemoSettings(log), DemoProgress(log.total)) as running:
        running.play()
        running.cloud.stream.put("a key", b"no gzip")
        running.settle()
        running.cloud.publish()
        yield running


@pytest.fixture(autouse=True)
def address(
    demo: Demo,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> None:
    """The command finds the cloud by the usual settings."""
    for name, value in demo.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)


def invoke(*arguments: str) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_month_that_agrees(tmp_path: Path) -> None:
    """Both sides are reported, and the whole report is written."""
    out = tmp_path / "october.json"
    shown = invoke("reconcile", MONTH, "--allow-incomplete", "--out", str(out))
    document = json.loads(out.read_text())

    assert 0 == shown.exit_code
    assert ["2026-10", "metered", "30", "30", "0"] in [row.split() for row in shown.stdout.splitlines()]
    assert "No drift" in shown.stdout
    assert (MONTH, True, []) == (document["month"], document["agrees"], document["differences"])


def test_a_month_that_differs(demo: Demo) -> None:
    """A counter that somebody changed by hand is named, also where it contradicts itself."""
    change_counter(demo, 1)
    try:
        shown = invoke("reconcile", MONTH, "--allow-incomplete")
    finally:
        change_counter(demo, -1)

    assert 1 == shown.exit_code
    assert "PROBLEM" in shown.stdout
    assert "shop 2026-10: other totals of the same calls; 31 counted, 30 in the lake" in shown.stdout
    assert "shop 2026-10: the parts add up to 30 requests, and the total says 31" in shown.stdout
    assert "counter edited: 1. `--repair` resets the counter" in shown.stdout
    assert "shop 2026-10 counter: the month's counter does not equal the sum of its days" in shown.stdout
    assert "No drift" not in shown.stdout


def test_a_month_of_which_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, with what is missing: nobody has kept how far everything is counted.

    The running watch would write a deleted item again, so what is read is empty here.
    """
    monkeypatch.setattr(CompletenessReader, "read", lambda _book: Completeness())
    shown = invoke("reconcile", MONTH)

    assert 1 == shown.exit_code
    assert "Missing: nothing is known of how far the stream processor has counted" in shown.stdout
    assert "REFUSED: 2026-10 is not complete on both paths" in shown.stdout


def change_counter(demo: Demo, requests: int) -> None:
    """As no part of the meter does."""
    demo.cloud.client("dynamodb").update_item(
        TableName=demo.cloud.stack.name("CountersTable"),
        Key={"pk": {"S": counter_pk("shop")}, "sk": {"S": f"{MONTH}#0"}},
        UpdateExpression="ADD requests :requests",
        ExpressionAttributeValues={":requests": {"N": str(requests)}},
    )


def test_what_cannot_be_redriven_stays_and_is_explained(tmp_path: Path) -> None:
    """And the exit code says that something stays."""
    out = tmp_path / "redriven.json"
    shown = invoke("redrive", "--dry-run", "--out", str(out))
    document = json.loads(out.read_text())

    assert 1 == shown.exit_code
    assert "1 error object read; 0 records" in shown.stdout
    assert "1 cannot be read and remain" in shown.stdout
    assert "document 1: " in shown.stdout
    assert (True, 1) == (document["dry_run"], document["unreadable"])


def test_a_month_of_another_name() -> None:
    """It has nothing on either side, and that is said: "No drift" would hide a wrong month or stack."""
    shown = invoke("reconcile", "2025-01", "--allow-incomplete")

    assert 0 == shown.exit_code
    assert "No calls: the counters and the lake hold no calls of 2025-01." in shown.stdout
    assert "No drift" not in shown.stdout
