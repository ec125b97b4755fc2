"""`usage-meter plan`: plans and their limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output

HELP = "Plans and their limits: create, show, list, and import those of API Gateway."

EXAMPLES = """Examples:

    usage-meter plan create free --limit requests/month=10000 --limit requests/hour=100,mode=reserved

    usage-meter plan apply -f plans.yaml --dry-run

    usage-meter plan list --out plans.json
"""

app = typer.Typer(no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


@app.command("create")
def create_plan(  # noqa: PLR0913 - each is an option
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, '.', '_' and '-'.")
    ],
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC/PERIOD=AMOUNT[,...]",
            help="Such as requests/month=10000,kind=soft,thresholds=80+100 or "
            "requests/hour=100,mode=reserved,reserve_from=90. Repeat it for each limit.",
        ),
    ] = None,
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Create a plan, or a new version of it, with these limits."""
    from cli.plans.plan_session import set_limits  # noqa: PLC0415 - slow to load, and not needed for --help

    set_limits(stack, name, limit or [], output(json=json, out=out), dry_run=dry_run)


@app.command("apply")
def apply_file(
    *,
    file: Annotated[
        Path,
        typer.Option(
            "-f", "--file", exists=True, dir_okay=False, readable=True, help="Plans and keys, as YAML."
        ),
    ],
    dry_run: DryRun = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Create and change plans and keys as a YAML file defines them. What it does not name is not changed.
    Applying it twice changes nothing more. docs/quotas.md shows such a file.
    """
    from cli.plans.plan_session import apply  # noqa: PLC0415 - slow to load, and not needed for --help

    apply(stack, file, output(json=json, out=out), dry_run=dry_run)


@app.command("import")
def import_from_api_gateway(
    *, dry_run: DryRun = False, stack: StackName = "usage-meter", json: AsJson = False, out: OutFile = None
) -> None:
    """Import the usage plans and keys of API Gateway in this account and region.

    Of the keys themselves only digests are kept, by which the authorizer recognises callers.
    """
    from cli.plans.plan_session import import_from_api_gateway as take_over  # noqa: PLC0415 - as above

    take_over(stack, output(json=json, out=out), dry_run=dry_run)


@app.command("list")
def list_plans(*, stack: StackName = "usage-meter", json: AsJson = False, out: OutFile = None) -> None:
    """List all plans with their limits."""
    from cli.plans.plan_session import list_all  # noqa: PLC0415 - slow to load, and not needed for --help

    list_all(stack, output(json=json, out=out))


@app.command("show")
def show_plan(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plan.")],
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Show a plan with all of its versions."""
    from cli.plans.plan_session import show  # noqa: PLC0415 - slow to load, and not needed for --help

    show(stack, name, output(json=json, out=out))
