"""`usage-meter local`: what can be asked for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.local import local_session
from cli.main import app


def test_options_reach_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log and its speed, or nothing."""
    wished: list[tuple[Path | None, float | None]] = []
    monkeypatch.setattr(local_session, "run", lambda log, speed: wished.append((log, speed)))
    log = tmp_path / "access.jsonl"
    log.write_text("a line\n")

    assert 0 == CliRunner().invoke(app, ["local"]).exit_code
    assert 0 == CliRunner().invoke(app, ["local", "--access-log", str(log), "--speed", "2"]).exit_code
    assert [(None, None), (log, 2.0)] == wished
