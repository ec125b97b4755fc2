"""Where the result of a command goes: to standard output by `--json`, to a file by `--out FILE`.

That a file can be written is seen at the command's beginning. A result is written as a whole: see
:mod:`cli.common.whole_file`. Where standard output holds a result, it holds nothing else: what is reported
for people is on standard error then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

import typer
from rich.console import Console

from cli.common.errors import PROBLEM, CommandError
from cli.common.terminal import console, visible_json
from cli.common.whole_file import check_writable, whole_file, whole_output
from metering.results.json_stream import json_parts

STANDARD: Final = Path("-")
"""In place of a file: standard output."""
_NAMES_OF_STANDARD: Final = {Path("/dev/stdout"), Path("/dev/fd/1"), Path("/proc/self/fd/1")}
"""Written as a file, it would lie over what is reported there for people, or under it."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a result goes as JSON; nowhere, if nobody asked for it."""

    places: tuple[Path, ...] = ()

    def write(self, document: Any) -> None:
        """Write the result, for good."""
        for place in self.places:
            write_json(place, document)

    def write_early(self, document: object) -> None:
        """Write it to files alone, which :meth:`write` may replace: what follows may fail."""
        for place in self.places:
            if place != STANDARD:
                write_json(place, document)

    def screen(self) -> Console:
        """Where the command reports what it does."""
        return screen_beside(self.places)

    def picture(self) -> Console:
        """Where the same result is shown for people: nowhere, if standard output has it as JSON."""
        found = self.screen()
        found.quiet = STANDARD in self.places
        return found


NO_OUTPUT: Final = Output()


def output(*, json: bool, out: Path | None) -> Output:
    """As the options say.

    Raises:
        BadParameter: the file cannot be written.
    """
    file = written_later(out)
    asked = [STANDARD] if json else []
    return Output((*asked, *(place for place in [file] if place is not None and place not in asked)))


def check_standard_output(places: Iterable[Path | None]) -> None:
    """Only one result can go to standard output.

    Raises:
        BadParameter: more would.
    """
    if list(places).count(STANDARD) > 1:
        raise typer.BadParameter("only one result can go to standard output: name files for the others")


def screen_beside(places: Iterable[Path | None]) -> Console:
    """Where to report what is done, when results go to these places."""
    return console(on_standard_error=STANDARD in places)


def written_later(path: Path | None, option: str = "--out") -> Path | None:
    """The file, if there is a folder for it; whoever waited for a result should not lose it. `option`
    is the one that names it.

    Raises:
        BadParameter: it cannot be written.
    """
    if path in _NAMES_OF_STANDARD:
        return STANDARD
    if path is None or path == STANDARD:
        return path
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent} for {path.name}", param_hint=option)
    try:
        check_writable(path)
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}", param_hint=option) from error
    return path


def write_json(place: Path | None, document: object) -> None:
    """Write a result, if it was asked for: for people into a file, on one line to standard output. Fields of
    it can be a :class:`StreamedList`.
    """
    parts = map(visible_json, json_parts(document)) if place == STANDARD else json_parts(document, indent=2)
    write_text(place, chain(parts, ["\n"]))


def write_text(place: Path | None, parts: Iterable[str]) -> None:
    """Write a document, part by part, if it was asked for."""
    if place is not None:
        with whole(place) as file:
            file.writelines(part.encode() for part in parts)


def write_bytes(place: Path | None, data: bytes) -> None:
    """Write a document that is not JSON, if it was asked for."""
    if place is not None:
        with whole(place) as file:
            file.write(data)


@contextmanager
def whole(place: Path) -> Iterator[IO[bytes]]:
    """A file for a result, which is at its place when the block ends; nothing of it, if the block fails.

    Raises:
        CommandError: it cannot be written, such as on a full disk.
    """
    try:
        with whole_output() if place == STANDARD else whole_file(place) as file:
            yield file
    except OSError as error:
        name = "standard output" if place == STANDARD else place
        raise CommandError(f"{name} cannot be written: {error.strerror or error}.", PROBLEM) from error
