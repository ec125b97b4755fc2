"""One run of a `usage-meter plan` command."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console

from adapters.api_gateway import Imported, import_plans
from adapters.dynamodb.plans import PlanBook
from cli.common.bootstrap import session, target
from cli.common.errors import CommandError
from cli.common.numbers import read_count
from cli.common.output import Output
from cli.common.terminal import table
from cli.common.yaml_file import read_yaml
from metering.quotas.plan import Plan
from metering.quotas.plan_diff import Changes, Holders, changes, describe_limit, described, over_current
from metering.quotas.plan_file import PlansDocument, plan_content, read_plans
from metering.strict_yaml import UnreadableYaml
from reconciliation.report.verdict import counted


def set_limits(stack: str, name: str, limits: Iterable[str], out: Output, *, dry_run: bool) -> None:
    """Create a plan or give it a new version.

    Raises:
        Misconfigured: the limits cannot be used; every fault is named.
    """
    document = {"plans": {name: {"limits": [read_limit(text) for text in limits]}}}
    _make_so(plan_book(stack), read_plans(document), out, dry_run=dry_run)


def apply(stack: str, file: Path, out: Output, *, dry_run: bool) -> None:
    """Make plans and keys as a file has them.

    Raises:
        Misconfigured: the file cannot be used; every fault is named.
        CommandError: it is no YAML.
    """
    try:
        loaded = read_yaml(file)
    except UnreadableYaml as unreadable:
        raise CommandError(f"{unreadable}.") from unreadable
    book = plan_book(stack)
    _make_so(book, read_plans(loaded, book.plans()), out, dry_run=dry_run)


def import_from_api_gateway(stack: str, out: Output, *, dry_run: bool) -> None:
    """Take over usage plans and keys of API Gateway."""
    book = plan_book(stack)
    found = import_plans(session().client("apigateway"))
    for note in found.notes:
        out.screen().print(note, markup=False, soft_wrap=True)
    _make_so(book, over_current(found.document, book.plans()), out, dry_run=dry_run)
    if not dry_run:
        _make_known(book, found, out.screen())


def list_all(stack: str, out: Output) -> None:
    """List all plans."""
    plans = plan_book(stack).plans()
    out.write({name: plan_document(plan) for name, plan in sorted(plans.items())})
    rows = table("plan", "version", "limit", numbers=("version",))
    for name, plan in sorted(plans.items()):
        first, *others = [describe_limit(limit) for limit in plan.limits] or ["no limits"]
        rows.add_row(name, str(plan.version), first)
        for other in others:
            rows.add_row("", "", other)
    out.picture().print(
        rows if plans else "There are no plans: `usage-meter plan create --help` says how to make one."
    )


def show(stack: str, name: str, out: Output) -> None:
    """Show a plan with its versions.

    Raises:
        CommandError: there is no such plan.
    """
    book = plan_book(stack)
    versions = book.versions(name)
    if not versions:
        raise no_such_plan(name, book.plans())
    out.write([plan_document(plan) for plan in versions])
    screen = out.picture()
    for plan in reversed(versions):
        screen.print(f"{plan.name}, version {plan.version}", style="bold", markup=False)
        for limit in plan.limits:
            screen.print(f"  {describe_limit(limit)}", markup=False)


def plan_book(stack: str) -> PlanBook:
    """The plans of a deployed stack.

    Raises:
        Misconfigured, Transient: it cannot be found.
    """
    where = target(stack)
    (table_name,) = where.deployment.values("CountersTableName")
    return PlanBook(table_name, where.client("dynamodb"))


def no_such_plan(name: str, plans: Mapping[str, Plan]) -> CommandError:
    """The error for a plan that does not exist."""
    return CommandError(f"There is no plan {name!r}; the plans are {', '.join(sorted(plans)) or 'none'}.")


def make_changes(book: PlanBook, found: Changes, out: Output, *, dry_run: bool) -> None:
    """Show the changes, and make them."""
    lines = described(found)
    out.write({"dry_run": dry_run, "changes": lines})
    screen = out.screen()
    for line in lines:
        screen.print(line, markup=False, highlight=False, soft_wrap=True)
    if not found:
        screen.print("Nothing to change.")
    elif dry_run:
        screen.print("Nothing was changed: this was a dry run.")
    else:
        _write(book, found)
        screen.print(f"Changed: {counted(len(found.plans), 'plan')}, {counted(len(found.keys), 'key')}.")


def read_limit(text: str) -> dict[str, object]:
    """A limit from a flag, as a file would have it: `requests/month=10000,kind=soft,thresholds=80+100`.

    Raises:
        CommandError: it is none.
    """
    first, *fields = text.split(",")
    name, _, amount = first.partition("=")
    metric, _, period = name.partition("/")
    content: dict[str, object] = {"metric": metric, "period": period, "amount": read_number(amount, text)}
    for field in fields:
        key, _, value = field.partition("=")
        if key == "thresholds":
            content[key] = [read_number(one, text) for one in value.split("+") if one]
        elif key == "reserve_from":
            content[key] = read_number(value, text)
        else:
            content[key] = value
    return content


def read_number(text: str, whole: str) -> int:
    """A whole number of a flag. Raises CommandError for anything else."""
    number = read_count(text)
    if number is None:
        raise CommandError(
            f"{whole!r} is not a limit: write METRIC/PERIOD=AMOUNT, such as requests/month=10k,kind=soft"
        )
    return number


def plan_document(plan: Plan) -> dict[str, object]:
    """A plan as the commands write it in JSON."""
    return {"name": plan.name, "version": plan.version, **plan_content(plan)}


def _make_so(book: PlanBook, wanted: PlansDocument, out: Output, *, dry_run: bool) -> None:
    plans = book.plans()
    keys = book.assignments_of(wanted.keys)
    holders = book.assignments() if wanted.plans else ()
    around = Holders(holders, book.accounts(wanted.accounts))
    found = changes(wanted, plans, keys, int(time.time()), around)
    make_changes(book, found, out, dry_run=dry_run)


def _write(book: PlanBook, found: Changes) -> None:
    """Plans first, so that no key has a plan that is not there."""
    for plan_change in found.plans:
        book.put_plan(plan_change.new, plan_change.current)
    book.assign_all(change.new for change in found.keys)
    book.assign_accounts([change.new for change in found.accounts])


def _make_known(book: PlanBook, found: Imported, screen: Console) -> None:
    book.know_all(found.digests)
    screen.print(f"Known: {counted(len(found.digests), 'key')}, by their digests.")
