"""`usage-meter demo`: what can be asked for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.common.output import NO_OUTPUT, Output
from cli.local import demo_session
from cli.local.demo_session import DemoOptions
from cli.main import app


@pytest.fixture
def wished(monkeypatch: pytest.MonkeyPatch) -> list[DemoOptions]:
    """What the command asks for, instead of being run."""
    options: list[DemoOptions] = []
    monkeypatch.setattr(demo_session, "run", options.append)
    return options


def test_without_options(wished: list[DemoOptions]) -> None:
    """Generated traffic, no faults, as fast as it goes, and then the cloud stays up."""
    assert 0 == CliRunner().invoke(app, ["demo"]).exit_code
    assert [DemoOptions(None, None, NO_OUTPUT, None, None, serve=True, speed=None, lines=None)] == wished


def test_with_all_options(wished: list[DemoOptions], tmp_path: Path) -> None:
    """Each reaches the session."""
    log, out, lake, reports = (tmp_path / name for name in ("access.jsonl", "out.json", "lake", "reports"))
    log.write_text("a line\n")
    files = ["--access-log", str(log), "--out", str(out), "--lake", str(lake), "--report", str(reports)]
    arguments = [*files, "--chaos", "3", "--no-serve", "--speed", "60.5", "--lines", "20k"]

    assert 0 == CliRunner().invoke(app, ["demo", *arguments]).exit_code
    assert [
        DemoOptions(log, 3, Output((out,)), lake, reports, serve=False, speed=60.5, lines=20_000)
    ] == wished


def test_a_lake_is_not_mixed_with_another(wished: list[DemoOptions], tmp_path: Path) -> None:
    """Two runs in one folder would be taken for one."""
    (tmp_path / "old.parquet").write_bytes(b"")

    shown = CliRunner().invoke(app, ["demo", "--lake", str(tmp_path)])

    assert (2, []) == (shown.exit_code, wished)
    assert "is not empty" in " ".join(shown.output.replace("│", " ").split())
