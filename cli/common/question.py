"""A question before something that cannot be undone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.status import Status

from cli.common.errors import CommandError
from cli.common.terminal import is_live


def agreed(question: str, *, yes: bool) -> None:
    """Ask before something is written.

    Raises:
        CommandError: nobody can be asked, and nobody has agreed beforehand.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal for the question: confirm with --yes. Nothing was written.")
    typer.confirm(question, abort=True, err=True)


@contextmanager
def paused(status: Status, screen: Console) -> Iterator[None]:
    """Takes the line of progress away while a question is asked."""
    status.stop()
    yield
    if is_live(screen):
        status.start()
