"""`usage-meter quota`: which key has which plan, and how it stands."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import StackName
from cli.common.output import written_later
from cli.plans.plan import DryRun, JsonFile

HELP = "The plan of each key: show how it stands, assign, override, suspend, list."

EXAMPLES = """Examples:

    usage-meter quota show a1b2c3d4e5

    usage-meter quota assign a1b2c3d4e5 free --account acme

    usage-meter quota override a1b2c3d4e5 requests/month=20000

    usage-meter quota list --json keys.json
"""

app = typer.Typer(no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="KEY", help="The id of an API key, never the key itself.")]


@app.command("show")
def show_key(*, key: Key, stack: StackName = "usage-meter", json: JsonFile = None) -> None:
    """Show the plan of a key and how each limit stands now. Exits 1 if the key is denied."""
    from cli.plans.quota_session import show  # noqa: PLC0415 - slow to load, and not needed for --help

    show(stack, key, written_later(json))


@app.command("list")
def list_keys(*, stack: StackName = "usage-meter", json: JsonFile = None) -> None:
    """List the keys that have a plan."""
    from cli.plans.quota_session import list_all  # noqa: PLC0415 - slow to load, and not needed for --help

    list_all(stack, written_later(json))


@app.command("assign")
def assign_plan(  # noqa: PLR0913 - typer makes an option of each
    *,
    key: Key,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")],
    account: Annotated[str | None, typer.Option(metavar="NAME", help="Whom the key belongs to.")] = None,
    secret: Annotated[
        bool,
        typer.Option(
            "--secret",
            help="Ask for the key itself, so that the authorizer knows its caller. Its digest alone is kept.",
        ),
    ] = False,
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: JsonFile = None,
) -> None:
    """Give a key a plan. Amounts that it overrides stay where the new plan has such limits."""
    from cli.plans.quota_session import QuotaOptions, assign  # noqa: PLC0415 - slow to load, and not needed for --help

    shown = typer.prompt("The key", hide_input=True, err=True) if secret else None
    assign(stack, key, QuotaOptions(plan, account, shown), written_later(json), dry_run=dry_run)


@app.command("override")
def override_amounts(
    *,
    key: Key,
    amounts: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC/PERIOD=AMOUNT...", help="Such as requests/month=20000; =plan takes it back."
        ),
    ],
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: JsonFile = None,
) -> None:
    """Give a key amounts of its own, in place of its plan's."""
    from cli.plans.quota_session import override  # noqa: PLC0415 - slow to load, and not needed for --help

    override(stack, key, amounts, written_later(json), dry_run=dry_run)


@app.command("suspend")
def suspend_key(
    *, key: Key, dry_run: DryRun = False, stack: StackName = "usage-meter", json: JsonFile = None
) -> None:
    """Let no call of a key through, until it is resumed."""
    from cli.plans.quota_session import set_status  # noqa: PLC0415 - slow to load, and not needed for --help

    set_status(stack, key, "suspended", written_later(json), dry_run=dry_run)


@app.command("resume")
def resume_key(
    *, key: Key, dry_run: DryRun = False, stack: StackName = "usage-meter", json: JsonFile = None
) -> None:
    """Let calls of a suspended key through again."""
    from cli.plans.quota_session import set_status  # noqa: PLC0415 - slow to load, and not needed for --help

    set_status(stack, key, "active", written_later(json), dry_run=dry_run)
