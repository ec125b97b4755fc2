"""`usage-meter quota`: which key has which plan, and what is used of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from cli.plans.plan import DryRun
from metering.key_id import key_of_subject

HELP = "The plan of each key: show its limits, assign, override, suspend, list."

EXAMPLES = """Examples:

    usage-meter quota a1b2c3d4e5              (or an account: usage-meter quota acme)

    usage-meter quota assign a1b2c3d4e5 free --account acme

    usage-meter quota override a1b2c3d4e5 requests/month=20000

    usage-meter quota history a1b2c3d4e5 --at 2026-11-05T12:00:00Z

    usage-meter quota list --out keys.json
"""


class _ShowsByDefault(TyperGroup):
    """A name that is no command is a key or an account that is to be shown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(no_args_is_help=True, cls=_ShowsByDefault)


def _key(text: str) -> str:
    """The key that a subject means; what can be no key's is refused where it is looked for."""
    try:
        return key_of_subject(text)
    except ValueError:
        return text


Key = Annotated[
    str, typer.Argument(metavar="KEY", parser=_key, help="The id of an API key, never the key itself.")
]
KeyOrAccount = Annotated[
    str,
    typer.Argument(
        metavar="KEY|ACCOUNT", parser=_key, help="The id of an API key, never the key itself; or an account."
    ),
]


@app.command("show")
def show_key(
    *, key: KeyOrAccount, stack: StackName = "usage-meter", json: AsJson = False, out: OutFile = None
) -> None:
    """Show the plan of a key or of an account, and what is used of each limit now. Exits 1 if its calls are
    denied.

    `usage-meter quota NAME` is short for it.
    """
    from cli.plans.quota_session import show  # noqa: PLC0415 - slow to load, and not needed for --help

    show(stack, key, output(json=json, out=out))


@app.command("account")
def assign_account_plan(  # noqa: PLR0913 - typer makes an option of each
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The name of an account.")],
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")],
    expires: Annotated[
        str | None, typer.Option(metavar="DAY", help="The time from which all calls of its keys are blocked.")
    ] = None,
    mail: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="The customer's address for threshold notifications; - removes it."
        ),
    ] = None,
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Give an account a plan, whose limits apply to all of its keys together, beside their own."""
    from cli.plans.quota_session import QuotaOptions, assign_account  # noqa: PLC0415 - slow to load, and not needed for --help

    assign_account(
        stack,
        account,
        QuotaOptions(plan, expires=expires, mail=mail),
        output(json=json, out=out),
        dry_run=dry_run,
    )


@app.command("list")
def list_keys(*, stack: StackName = "usage-meter", json: AsJson = False, out: OutFile = None) -> None:
    """List the keys that have a plan."""
    from cli.plans.quota_session import list_all  # noqa: PLC0415 - slow to load, and not needed for --help

    list_all(stack, output(json=json, out=out))


@app.command("assign")
def assign_plan(  # noqa: PLR0913 - typer makes an option of each
    *,
    key: Key,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")],
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="The account that owns the key.")
    ] = None,
    secret: Annotated[
        bool,
        typer.Option(
            "--secret",
            help="Prompt for the key itself, so that the authorizer recognises its caller. Only its "
            "digest is kept.",
        ),
    ] = False,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="DAY",
            help="When the key expires: 2026-12-31 (its beginning, UTC), 2026-12-31T18:00:00Z, or never.",
        ),
    ] = None,
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Give a key a plan. Its overrides remain where the new plan has such limits."""
    from cli.plans.quota_session import QuotaOptions, assign  # noqa: PLC0415 - slow to load, and not needed for --help

    shown = typer.prompt("The key", hide_input=True, err=True) if secret else None
    assign(
        stack, key, QuotaOptions(plan, account, shown, expires), output(json=json, out=out), dry_run=dry_run
    )


@app.command("history")
def show_history(
    *,
    key: Key,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what was in force at this time: 2026-11-05T12:00:00Z."),
    ] = None,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Show what was in force for a key, and since when: plan and version, amounts, status."""
    from cli.plans.quota_session import history  # noqa: PLC0415 - slow to load, and not needed for --help

    history(stack, key, at, output(json=json, out=out))


@app.command("override")
def override_amounts(  # noqa: PLR0913 - each is an option
    *,
    key: Key,
    amounts: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC/PERIOD=AMOUNT...", help="Such as requests/month=20000; =plan removes it."
        ),
    ],
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Give a key its own amounts, in place of its plan's."""
    from cli.plans.quota_session import override  # noqa: PLC0415 - slow to load, and not needed for --help

    override(stack, key, amounts, output(json=json, out=out), dry_run=dry_run)


@app.command("suspend")
def suspend_key(
    *,
    key: Key,
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Block all calls of a key, until it is resumed."""
    from cli.plans.quota_session import set_status  # noqa: PLC0415 - slow to load, and not needed for --help

    set_status(stack, key, "suspended", output(json=json, out=out), dry_run=dry_run)


@app.command("resume")
def resume_key(
    *,
    key: Key,
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Allow the calls of a suspended key again."""
    from cli.plans.quota_session import set_status  # noqa: PLC0415 - slow to load, and not needed for --help

    set_status(stack, key, "active", output(json=json, out=out), dry_run=dry_run)
