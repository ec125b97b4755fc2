"""One run of a `usage-meter quota` command."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer

from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.quotas import DynamoDBQuotaStore
from cli.common.bootstrap import target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import write_json
from cli.common.terminal import Text, console, table
from cli.plans.plan_session import make_changes, no_such_plan, plan_book, read_number
from metering.errors import Misconfigured
from metering.key_id import key_id_fault
from metering.quotas.decision import Decision, Standing, periods_at, standings, verdict
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import Assignment, KeyStatus, Plan, Span, limits_of
from metering.quotas.plan_diff import Changes, KeyChange
from metering.quotas.plan_file import override_faults
from metering.quotas.ports import Wanted

_TAKE_BACK = "plan"


def show(stack: str, key: str, json: Path | None) -> None:
    """Show a key's plan and how it stands.

    Raises:
        CommandError: the key has no plan.
        typer.Exit: with 1, if calls of the key are denied.
    """
    where = target(stack)
    (table_name,) = where.deployment.values("CountersTableName")
    dynamodb = where.client("dynamodb")
    book, store = PlanBook(table_name, dynamodb), DynamoDBQuotaStore(table_name, dynamodb)
    assignment = _assigned(book, key)
    plan = book.plans().get(assignment.plan, Plan(assignment.plan))
    now = int(time.time())
    counted = store.read(Wanted(key, periods_at(Span, now), assignment=False)).counted
    found = standings(limits_of(plan, assignment), counted, now)
    decision = verdict(found, now)
    through = store.counted_through(now)
    write_json(json, _document(assignment, plan, found, decision, through))
    _tell(assignment, plan, found, through, now)
    if not decision.allowed or assignment.status is KeyStatus.SUSPENDED:
        raise typer.Exit(PROBLEM)


def list_all(stack: str, json: Path | None) -> None:
    """List the keys that have a plan."""
    assignments = sorted(plan_book(stack).assignments(), key=lambda one: one.key)
    write_json(json, [msgspec.to_builtins(one) for one in assignments])
    rows = table("key", "plan", "account", "status", "overrides")
    for one in assignments:
        amounts = ", ".join(f"{name}={amount:,}" for name, amount in sorted(one.overrides.items()))
        rows.add_row(Text(one.key), one.plan, Text(one.account), one.status, amounts)
    console().print(rows if assignments else "No key has a plan: `usage-meter quota assign --help` says how.")


class QuotaOptions(NamedTuple):
    """What a key shall have."""

    plan: str
    account: str | None
    """None: as it is."""
    secret: str | None
    """The key itself, to be known by its digest."""


def assign(stack: str, key: str, wish: QuotaOptions, json: Path | None, *, dry_run: bool) -> None:
    """Give a key a plan.

    Raises:
        CommandError: there is no such plan.
        Misconfigured: the key can be none.
    """
    book = plan_book(stack)
    plans = book.plans()
    plan = plans.get(wish.plan)
    if plan is None:
        raise no_such_plan(wish.plan, plans)
    if fault := key_id_fault(key):
        raise Misconfigured([f"key {key}: {fault}"])
    current = book.assignment(key)
    known = {limit.name for limit in plan.limits}
    before = current or Assignment(key, plan.name)
    new = msgspec.structs.replace(
        before,
        plan=plan.name,
        account=before.account if wish.account is None else wish.account,
        overrides={name: amount for name, amount in before.overrides.items() if name in known},
        since=before.since if current is not None and current.plan == plan.name else int(time.time()),
    )
    _change(book, current, new, json, dry_run=dry_run)
    if wish.secret is not None and not dry_run:
        book.know(digest_of(wish.secret), key)
        console().print("The caller who shows this key is known now.")


def override(stack: str, key: str, amounts: Iterable[str], json: Path | None, *, dry_run: bool) -> None:
    """Give a key amounts of its own.

    Raises:
        CommandError: the key has no plan.
        Misconfigured: its plan has no such limits.
    """
    book = plan_book(stack)
    current = _assigned(book, key)
    overrides = dict(current.overrides)
    for text in amounts:
        name, _, amount = text.partition("=")
        if amount == _TAKE_BACK:
            overrides.pop(name, None)
        else:
            overrides[name] = read_number(amount, text)
    plan = book.plans().get(current.plan, Plan(current.plan))
    if faults := override_faults(plan, overrides):
        raise Misconfigured(faults)
    new = msgspec.structs.replace(current, overrides=overrides)
    _change(book, current, new, json, dry_run=dry_run)


def set_status(stack: str, key: str, status: str, json: Path | None, *, dry_run: bool) -> None:
    """Suspend a key, or resume it.

    Raises:
        CommandError: the key has no plan.
    """
    book = plan_book(stack)
    current = _assigned(book, key)
    new = msgspec.structs.replace(current, status=KeyStatus(status))
    _change(book, current, new, json, dry_run=dry_run)


def _change(
    book: PlanBook, current: Assignment | None, new: Assignment, json: Path | None, *, dry_run: bool
) -> None:
    found = Changes(keys=(KeyChange(current, new),) if current != new else ())
    make_changes(book, found, json, dry_run=dry_run)


def _assigned(book: PlanBook, key: str) -> Assignment:
    assignment = book.assignment(key)
    if assignment is None:
        raise CommandError(f"Key {key!r} has no plan: give it one by `usage-meter quota assign {key} PLAN`.")
    return assignment


def _tell(assignment: Assignment, plan: Plan, found: list[Standing], through: int | None, now: int) -> None:
    screen = console()
    account = f", account {assignment.account}" if assignment.account else ""
    screen.print(f"{assignment.key}: plan {plan.name}, version {plan.version}{account}", markup=False)
    if assignment.status is KeyStatus.SUSPENDED:
        screen.print(Text("SUSPENDED: no call is let through", "bold red"))
    rows = table("limit", "used", "of", "%", "left", "resets", "", numbers=("used", "of", "%", "left"))
    for standing in found:
        limit = standing.limit
        share = f"{100 * standing.used / limit.amount:.1f}" if limit.amount else "-"
        resets = datetime.fromtimestamp(standing.resets_at, UTC)
        state = Text("DENIED", "bold red") if standing.denies else Text(limit.kind)
        rows.add_row(
            limit.name,
            f"{standing.used:,}",
            f"{limit.amount:,}",
            share,
            f"{standing.remaining:,}",
            f"{resets:%Y-%m-%d %H:%M} UTC",
            state,
        )
    screen.print(rows if found else "It has no limits.")
    if through is not None:
        screen.print(f"Calls that were logged {now - through:,} s ago and before are counted.")


def _document(
    assignment: Assignment, plan: Plan, found: list[Standing], decision: Decision, through: int | None
) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(assignment),
        "plan_version": plan.version,
        "allowed": decision.allowed and assignment.status is not KeyStatus.SUSPENDED,
        "counted_through": through,
        "limits": [
            {
                "limit": standing.limit.name,
                "kind": str(standing.limit.kind),
                "mode": str(standing.limit.mode),
                "amount": standing.limit.amount,
                "used": standing.used,
                "remaining": standing.remaining,
                "resets_at": standing.resets_at,
            }
            for standing in found
        ],
    }
