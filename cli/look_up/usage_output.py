"""How an answer of the look-ups is shown: once or again and again, as a picture, as JSON or as CSV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live

from cli.common.output import STANDARD, write_json, write_text, written_later
from cli.common.pipe import is_reader_gone
from cli.common.terminal import Text, console, is_live, visible_json
from metering.errors import Transient
from metering.visible_text import visible_lines
from usage_api import csv_export as tabular
from usage_api.schemas import Answer

REFRESH_SECONDS: Final = 2.0
"""Between two answers of `--watch`."""

A = TypeVar("A", bound=Answer)
Ask = Callable[[], A]
Draw = Callable[[A], Sequence[RenderableType]]


class Form(Enum):
    """What an answer becomes."""

    PICTURE = "picture"
    JSON = "json"
    """A document a line, as the API answers."""
    CSV = "csv"


class How(NamedTuple):
    """How answers are shown."""

    form: Form = Form.PICTURE
    watch: bool = False
    """Until Ctrl-C."""
    file: Path | None = None
    """Where the answer is written as well: as CSV if it is named .csv, else as JSON."""


def how(*, json: bool = False, csv: bool = False, watch: bool = False, out: Path | None = None) -> How:
    """As the options say.

    Raises:
        BadParameter: they do not go together, or the file cannot be written.
    """
    file = written_later(out)
    json = json or file == STANDARD
    if json and csv:
        raise typer.BadParameter("give --json or --csv, not both", param_hint="--csv")
    if watch and file not in (None, STANDARD):
        raise typer.BadParameter("a file takes one answer: leave out --watch", param_hint="--out")
    form = Form.JSON if json else Form.CSV if csv else Form.PICTURE
    return How(form, watch, None if file == STANDARD else file)


def show(ask: Ask[A], draw: Draw[A], how: How) -> A:
    """Ask, show the answer, and return it; with `watch` again and again: then it is the last one.

    Raises:
        MeterError: there is no answer. While watching, one that may come later is waited for.
    """
    screen = console()
    answer = ask()
    _write(answer, how.file)
    if how.watch and how.form is Form.PICTURE and is_live(screen):
        return _in_place(screen, answer, ask, draw)
    _print(screen, answer, draw, how.form)
    if how.watch:
        with suppress(KeyboardInterrupt):
            while not is_reader_gone():
                wait(REFRESH_SECONDS)
                answer, trouble = _asked_again(answer, ask)
                if trouble:
                    typer.echo(f"usage-meter: {visible_lines(trouble)}", err=True)
                    continue
                if how.form is Form.PICTURE:
                    screen.print()
                _print(screen, answer, draw, how.form)
    return answer


def print_parts(screen: Console, parts: Iterable[RenderableType]) -> None:
    """Print a picture. A sentence is never cut: in a pipe it is one line, for whoever searches it."""
    for part in parts:
        screen.print(part, soft_wrap=isinstance(part, Text) and not is_live(screen))


def wait(seconds: float) -> None:
    """Let some time pass."""
    time.sleep(seconds)


def _in_place(screen: Console, answer: A, ask: Ask[A], draw: Draw[A]) -> A:
    with (
        Live(Group(*draw(answer)), console=screen, auto_refresh=False) as live,
        suppress(KeyboardInterrupt),
    ):
        while True:
            wait(REFRESH_SECONDS)
            answer, trouble = _asked_again(answer, ask)
            warning = [Text(trouble, "yellow")] if trouble else []
            live.update(Group(*draw(answer), *warning), refresh=True)
    return answer


def _asked_again(last: A, ask: Ask[A]) -> tuple[A, str]:
    """A new answer, or the last one and why there is no newer."""
    try:
        return ask(), ""
    except Transient as error:
        return last, f"No newer figures: {error}. Trying again."


def _write(answer: A, file: Path | None) -> None:
    if file is not None and file.suffix.lower() == ".csv":
        write_text(file, [tabular.written(answer)])
    elif file is not None:
        write_json(file, answer.model_dump(mode="json", by_alias=True))


def _print(screen: Console, answer: A, draw: Draw[A], form: Form) -> None:
    match form:
        case Form.PICTURE:
            print_parts(screen, draw(answer))
        case Form.JSON:
            typer.echo(visible_json(answer.model_dump_json(by_alias=True)))
        case Form.CSV:
            typer.echo(tabular.written(answer), nl=False)
