"""One run of `usage-meter format check`."""

from __future__ import annotations

from typing import Final

import typer
from rich.console import Console

from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.terminal import Text, table
from cli.log_lines.sample_file import read_bytes
from metering.line_format.format_check import LONGEST_FORMAT, FormatCheck, check_format
from metering.line_format.stage_format import ApiType, read_format

_NAMES: Final = {
    ApiType.REST: "a REST API",
    ApiType.HTTP: "an HTTP API",
    ApiType.WEB_SOCKET: "a WebSocket API",
}


def run(given: str, api: ApiType | None, key_variable: str, out: Output) -> None:
    """Check a format and say what was found.

    Raises:
        CommandError: there is no format.
        typer.Exit: with 1, if it lacks something.
    """
    is_format = "$context" in given or given.lstrip()[:1] in {"{", "<"}
    text = given if is_format else read_bytes(given).decode("utf-8-sig", "replace")
    try:
        found = check_format(read_format(text), api, key_variable)
    except ValueError as error:
        raise CommandError(
            f"{'The text' if text is given else given} is {error}. Give the format in single quotes, so "
            "that the "
            "shell does not replace $context; or a file; or -."
        ) from error
    out.write(_document(found))
    _show(out.picture(), found)
    if not found.is_full:
        raise typer.Exit(PROBLEM)


def _show(screen: Console, found: FormatCheck) -> None:
    of_type = _NAMES[found.api_type]
    if found.is_full:
        screen.print(Text(f"A format of {of_type}: its calls are fully metered.", "bold green"))
        return
    screen.print(Text(f"A format of {of_type}: its calls are not fully metered.", "bold red"), soft_wrap=True)
    for fault in found.faults:
        screen.print(Text(f"- {fault}"))
    if found.lacks:
        screen.print()
        rows = table("lacks", "which holds", "so that")
        for lack in found.lacks:
            instead = f", not {lack.instead}" if lack.instead else ""
            rows.add_row(lack.field, f"{lack.value}{instead}", lack.consequence)
        screen.print(rows)
    screen.print(Text("\nSet this format on the stage; your other fields are kept:\n"))
    screen.print(Text(found.extension), soft_wrap=True)
    if found.is_long:
        limit = f"AWS documents a limit of {LONGEST_FORMAT:,} for this type of API, and elsewhere one of 3 KB"
        message = (
            f"{len(found.extension):,} characters. {limit}: if it is refused, leave out some of "
            "your own fields."
        )
        screen.print(Text(f"\n{message}", "yellow"))


def _document(found: FormatCheck) -> dict[str, object]:
    return {
        "api": found.api_type.value,
        "metered_fully": found.is_full,
        "faults": list(found.faults),
        "lacks": [lack._asdict() for lack in found.lacks],
        "format": found.extension,
    }
