"""`usage-meter format check`, from a format to its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from local_cloud.template.document import Stack

REST = Stack().output("AccessLogFormat")
HTTP = '{"requestId":"$context.requestId","routeKey":"$context.routeKey","status":$context.status}'


def test_a_full_format(tmp_path: Path) -> None:
    """From a file or as the argument: exit 0."""
    (tmp_path / "format").write_text(REST)
    for given in (REST, str(tmp_path / "format")):
        shown = CliRunner().invoke(app, ["format", "check", given])
        assert (0, True) == (shown.exit_code, "a REST API: its calls are fully metered" in shown.stdout)


def test_the_extension_can_be_copied() -> None:
    """It is a line of its own, and is itself full; what is lacking is said before: exit 1."""
    shown = CliRunner().invoke(app, ["format", "check", "-"], input=HTTP)
    assert 1 == shown.exit_code
    assert "no quotes around status" in shown.stdout
    assert "calls count under no key" in shown.stdout
    (extension,) = [line for line in shown.stdout.splitlines() if line.startswith("{")]
    assert 0 == CliRunner().invoke(app, ["format", "check", extension]).exit_code


def test_json() -> None:
    """The same for programs; the key's variable and the type of API as they are named."""
    arguments = ["format", "check", HTTP, "--json", "--key-variable", "tenant", "--api", "http"]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert ("http", False) == (found["api"], found["metered_fully"])
    assert "$context.authorizer.tenant" == json.loads(found["format"])["apiKeyId"]
    assert "apiKeyId" in {lack["field"] for lack in found["lacks"]}


@pytest.mark.parametrize("content", ["", "nothing", None])
def test_no_format(content: str | None, tmp_path: Path) -> None:
    """Wrong use, with the way out."""
    path = tmp_path / "format"
    if content is not None:
        path.write_text(content)
    shown = CliRunner().invoke(app, ["format", "check", str(path)])
    assert 2 == getattr(shown.exception, "exit_code", None)
    assert str(path) in str(shown.exception)


def test_a_format_that_the_shell_has_changed() -> None:
    """In double quotes it puts nothing in place of $context: the way out is said."""
    shown = CliRunner().invoke(app, ["format", "check", HTTP.replace("$context", "")])
    assert 2 == getattr(shown.exception, "exit_code", None)
    assert "single quotes" in str(shown.exception)
