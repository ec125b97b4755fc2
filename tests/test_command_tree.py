"""An application's tree of commands is made once, and anew where there are other commands."""

from __future__ import annotations

import typer
from typer.testing import CliRunner


def test_other_commands() -> None:
    """A command that is added after a start is found by the next one."""
    app = typer.Typer()
    app.command("one")(lambda: print("first"))
    app.command("two")(lambda: print("second"))
    assert "first\n" == CliRunner().invoke(app, ["one"]).stdout
    app.command("three")(lambda: print("third"))
    assert "third\n" == CliRunner().invoke(app, ["three"]).stdout
    assert "first\n" == CliRunner().invoke(app, ["one"]).stdout
