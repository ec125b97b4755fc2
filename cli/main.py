"""The entry point of `usage-meter`, and the one place where its commands are registered.

A command is a module of this package with a function `command`, whose docstring is the help text, and with
`EXAMPLES`, the end of it. What is slow to load is loaded when the command runs, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from inspect import cleandoc
from typing import Annotated

import typer

from cli.billing import cost, invoice, tariff, verify
from cli.common.command import MeterCommand
from cli.common.errors import INTERRUPTED, CommandError, explained
from cli.common.pipe import readers_may_leave
from cli.connect import connect, disconnect
from cli.cost import estimate
from cli.explain import command as explain
from cli.local import demo, local
from cli.log_lines import format as log_format
from cli.log_lines import lines, send
from cli.look_up import dashboard, health, link, top, usage
from cli.month_end import archive, close, rebuild, reconcile, redrive
from cli.plans import plan, quota
from cli.recovery import backfill, reread, resume
from metering.visible_text import visible_lines

COMMANDS = {
    "archive": archive,
    "backfill": backfill,
    "close": close,
    "connect": connect,
    "cost": cost,
    "dashboard": dashboard,
    "demo": demo,
    "disconnect": disconnect,
    "estimate": estimate,
    "explain": explain,
    "health": health,
    "invoice": invoice,
    "lines": lines,
    "link": link,
    "local": local,
    "rebuild": rebuild,
    "reconcile": reconcile,
    "redrive": redrive,
    "reread": reread,
    "resume": resume,
    "send": send,
    "top": top,
    "usage": usage,
    "verify": verify,
}

GROUPS = {"format": log_format, "plan": plan, "quota": quota, "tariff": tariff}
"""Modules with several commands, in a Typer application `app`; their help text is `HELP`."""

app = typer.Typer(
    name="usage-meter",
    help="Counts every call to an Amazon API Gateway API, per API key, within seconds, and proves the count.",
    epilog="Exit codes: 0 done, 1 problem found, 2 wrong usage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        print(f"usage-meter {version('usage-meter')}")
        raise typer.Exit


@app.callback()
def usage_meter(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the command as a whole."""


def _register() -> None:
    for name, module in COMMANDS.items():
        text = _help(module.command)
        app.command(name, cls=MeterCommand, help=text, epilog=module.EXAMPLES)(module.command)
    for name, group in GROUPS.items():
        for command in group.app.registered_commands:
            command.cls = MeterCommand
        app.add_typer(group.app, name=name, help=group.HELP, epilog=group.EXAMPLES)


def _help(command: Callable[..., None]) -> str:
    """The docstring with a line for each paragraph: the terminal wraps them as it is wide."""
    paragraphs = cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


_register()


def main() -> int:
    """Run the command that the arguments name; its exit code. Wrong use is reported in one sentence."""
    with readers_may_leave():
        return _run()


def _run() -> int:
    try:
        _run_command()
    except CommandError as error:
        return _fail(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        return _fail(known)
    return 0


def _run_command() -> None:
    try:
        app()
    except SystemExit:
        sys.stdout.flush()  # what the command printed may not be written yet, and may not be lost unseen
        raise


def _fail(error: CommandError) -> int:
    print(f"usage-meter: {visible_lines(str(error))}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
