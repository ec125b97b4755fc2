"""`usage-meter reconcile` with files, and with publication."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import from_file
from tests.factories import line

MONTH = "2026-10"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A cloud with one call."""
    path = tmp_path_factory.mktemp("log") / "access.jsonl"
    path.write_text(line(extendedRequestId="1=", apiKeyId="shop"))
    log = from_file(path)
    with Demo(DemoSettings(log), DemoProgress(log.total)) as running:
        running.play()
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


def reconcile(*arguments: str) -> Result:
    """The command as it is typed."""
    return CliRunner().invoke(
        app, ("reconcile", MONTH, "--allow-incomplete", *arguments), catch_exceptions=False
    )


def test_files(tmp_path: Path) -> None:
    """The page and the table, beside the JSON."""
    names = {"--out": "october.json", "--html": "october.html", "--csv": "october.csv"}
    shown = reconcile(*[text for option, name in names.items() for text in (option, str(tmp_path / name))])
    assert 0 == shown.exit_code
    run_id = json.loads((tmp_path / "october.json").read_text())["run_id"]
    page = (tmp_path / "october.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert run_id in page
    assert "kind" in next(csv.reader((tmp_path / "october.csv").read_text("utf-8-sig").splitlines()))


def test_published(demo: Demo) -> None:
    """The report lies in the lake's bucket, and the command says where."""
    shown = reconcile("--publish")
    assert 0 == shown.exit_code
    s3, bucket = demo.cloud.client("s3"), demo.cloud.stack.name("LakeBucket")
    latest = s3.get_object(Bucket=bucket, Key=f"reconciliation/{MONTH}/latest.json")["Body"].read()
    page = json.loads(latest)["page"]
    assert f"Published: s3://{bucket}/{page}" in shown.stdout
    assert b"<!DOCTYPE html>" == s3.get_object(Bucket=bucket, Key=page)["Body"].read()[:15]


@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_a_file_that_cannot_be_written(option: str, tmp_path: Path) -> None:
    """Said before anything is read, with the option's name."""
    shown = reconcile(option, str(tmp_path / "missing" / "file"))
    assert 2 == shown.exit_code
    assert option in shown.output
