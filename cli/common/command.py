"""What every command does with its arguments, before it reads them by itself."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import typer
from typer.core import TyperArgument, TyperCommand

_JSON: Final = "--json"
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class MeterCommand(TyperCommand):
    """A command that says what takes the place of `--json FILE`, which named a file once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, as click reads them.

        Raises:
            BadParameter: `--json` was given a file.
        """
        given = list(args) if any(_JSON in parameter.opts for parameter in self.params) else []
        for argument in given:
            if argument.startswith(f"{_JSON}="):
                _refuse(argument.removeprefix(f"{_JSON}="), ctx)
        file = _following(given)
        if file.endswith(".json") and not self._takes_a_file():
            _refuse(file, ctx)
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            if file and type(error) is _UsageError:  # there is an argument too many
                _refuse(file, ctx)
            raise

    def _takes_a_file(self) -> bool:
        arguments = (found for found in self.params if isinstance(found, TyperArgument))
        return any("FILE" in str(found.metavar) for found in arguments)


def _following(args: list[str]) -> str:
    """What follows `--json`, if it is no option; else nothing."""
    after = args[args.index(_JSON) + 1 :] if _JSON in args else []
    return after[0] if after and not after[0].startswith("-") else ""


def _refuse(file: str, ctx: Any) -> NoReturn:
    raise typer.BadParameter(
        f"it prints to standard output and takes no file: write --out {file or 'FILE'}",
        ctx=ctx,
        param_hint=_JSON,
    )
