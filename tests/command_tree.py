"""The tree of commands that Typer makes of an application, made once by each pytest process.

Typer makes it again at each start, which is once in the life of a process; tests start the application
hundreds of times in theirs, and each tree takes 40 ms: the signature of every command is read.
"""

from __future__ import annotations

from typing import Any

import pytest
import typer.main
import typer.testing

_make = typer.main.get_command
_made: dict[tuple[int, ...], tuple[typer.Typer, Any]] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Let all starts share the tree until the end of the process."""
    patch = pytest.MonkeyPatch()
    patch.setattr(typer.main, "get_command", _shared)
    patch.setattr(typer.testing, "_get_command", _shared)
    config.add_cleanup(patch.undo)


def _shared(application: typer.Typer) -> Any:
    """The tree of an application, as long as it has the same commands."""
    key = (id(application), *(id(command.callback) for command in application.registered_commands))
    if key not in _made:
        _made[key] = (application, _make(application))
    return _made[key][1]
