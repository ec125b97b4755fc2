"""One run of a `usage-meter quota` command."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import typer
from rich.console import Console

from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.quotas import DynamoDBQuotaStore
from cli.common.bootstrap import target, unknown_note
from cli.common.errors import PROBLEM, CommandError
from cli.common.numbers import of_unknown_size
from cli.common.output import Output
from cli.common.terminal import Text, table
from cli.plans.plan_session import make_changes, no_such_plan, plan_book, read_number
from metering.errors import Misconfigured
from metering.key_id import key_id_fault, secret_fault
from metering.quotas.decision import (
    Counted,
    Standing,
    periods_at,
    standings,
    unknown_sizes_in,
    verdict,
)
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import (
    ACCOUNT_PREFIX,
    AccountKeys,
    Assignment,
    KeyStatus,
    Plan,
    Span,
    holder_of,
    limits_of,
)
from metering.quotas.plan_diff import Changes, KeyChange, begun, expiry_text
from metering.quotas.plan_file import WantedKey, expiry_of, mail_address, override_faults
from metering.quotas.ports import Wanted

_TAKE_BACK = "plan"


class Held(NamedTuple):
    """The plan of a key or an account, and what is used of its limits."""

    assignment: Assignment
    plan: Plan
    standings: list[Standing]
    unknown_sizes: dict[str, int]
    """By the name of a limit on bytes: the calls that it takes for 0 bytes, since their size is not known."""


def show(stack: str, name: str, out: Output) -> None:
    """Show the plan of a key, or of an account, and what is used of its limits: of a key with that of its
    account.

    Raises:
        CommandError: it has no plan.
        typer.Exit: with 1, if its calls are denied.
    """
    where = target(stack)
    (table_name,) = where.deployment.values("CountersTableName")
    dynamodb = where.client("dynamodb")
    book, store = PlanBook(table_name, dynamodb), DynamoDBQuotaStore(table_name, dynamodb)
    now = int(time.time())
    own, default_plan = book.assignment(name), where.deployment.parameters.get("QuotaDefaultPlan")
    account = book.account(own.account if own and own.account else name)
    held = [_of_account(book, store, account, now)] if account and account.assignment else []
    is_key = own is not None or not held
    if is_key:
        stray = Assignment(name, default_plan) if default_plan else None
        held.insert(0, _of_key(book, store, own or stray or _assigned(stack, book, name), now))
    through = store.counted_through(now)
    found = [standing for one in held for standing in one.standings]
    allowed = verdict(found, now).allowed and all(one.assignment.may_call(now) for one in held)
    keys = sorted(account.keys) if account and not is_key else []
    document = _document(held, through)
    out.write(
        {**document, "allowed": allowed, "is_default_plan": is_key and own is None, "keys_of_account": keys},
    )
    screen = out.picture()
    _show(screen, held, through, now)
    if is_key and own is None:
        screen.print("This is QuotaDefaultPlan: the key has no plan of its own.")
        if note := unknown_note(where, name):
            screen.print(Text(note, "yellow"), soft_wrap=True)
    if keys:
        screen.print(f"Its keys, current and former: {', '.join(keys)}", markup=False)
    if not allowed:
        raise typer.Exit(PROBLEM)


def _of_key(book: PlanBook, store: DynamoDBQuotaStore, assignment: Assignment, now: int) -> Held:
    plan = book.plans().get(assignment.plan, Plan(assignment.plan))
    counted = store.read(Wanted(assignment.key, periods_at(Span, now), assignment=False)).counted
    return _held(assignment, plan, counted, now)


def _of_account(book: PlanBook, store: DynamoDBQuotaStore, account: AccountKeys, now: int) -> Held:
    assignment = account.assignment or Assignment(holder_of(account.name), "")
    plan = book.plans().get(assignment.plan, Plan(assignment.plan))
    counted = store.counted(sorted(account.keys), periods_at(Span, now))
    return _held(assignment, plan, counted, now, account.name)


def _held(assignment: Assignment, plan: Plan, counted: Counted, now: int, account: str = "") -> Held:
    found = [one._replace(account=account) for one in standings(limits_of(plan, assignment), counted, now)]
    unknown = {one.name: unknown_sizes_in(one.limit, counted, now) for one in found}
    return Held(assignment, plan, found, {name: calls for name, calls in unknown.items() if calls})


def assign_account(stack: str, account: str, wish: QuotaOptions, out: Output, *, dry_run: bool) -> None:
    """Give an account a plan.

    Raises:
        CommandError: there is no such plan.
        Misconfigured: the account cannot have this name.
    """
    book = plan_book(stack)
    plans = book.plans()
    if wish.plan not in plans:
        raise no_such_plan(wish.plan, plans)
    if fault := key_id_fault(account):
        raise Misconfigured([f"account {account}: {fault}"])
    known = book.account(account)
    current = known.assignment if known else None
    expires = None if wish.expires is None else read_expiry(wish.expires)
    mail = None if wish.mail is None else read_mail(wish.mail)
    wanted = WantedKey(holder_of(account), wish.plan, account, expires=expires, mail=mail)
    new = begun(current, wanted.over(current), int(time.time()))
    change = (KeyChange(current, new),) if current != new else ()
    make_changes(book, Changes(accounts=change), out, dry_run=dry_run)


def list_all(stack: str, out: Output) -> None:
    """List the keys that have a plan."""
    assignments = sorted(plan_book(stack).assignments(), key=lambda one: one.key)
    out.write([msgspec.to_builtins(one) for one in assignments])
    rows = table("key", "plan", "account", "status", "overrides")
    for one in assignments:
        amounts = ", ".join(f"{name}={amount:,}" for name, amount in sorted(one.overrides.items()))
        rows.add_row(Text(one.key), one.plan, Text(one.account), one.status, amounts)
    out.picture().print(
        rows if assignments else "No key has a plan: `usage-meter quota assign --help` says how."
    )


class QuotaOptions(NamedTuple):
    """What a key shall have."""

    plan: str
    account: str | None = None
    """None: as it is."""
    secret: str | None = None
    """The key itself, to be known by its digest."""
    expires: str | None = None
    """From when on no call is let through, as it is written; None: as it is."""
    mail: str | None = None
    """Of an account: its address, `-` for none; None: as it is."""


def assign(stack: str, key: str, wish: QuotaOptions, out: Output, *, dry_run: bool) -> None:
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
    if wish.secret is not None and (fault := secret_fault(wish.secret)):
        raise Misconfigured([f"key {key}: {fault}"])
    current = book.assignment(key)
    if current is None and (note := unknown_note(target(stack), key)):
        out.screen().print(Text(note, "yellow"), soft_wrap=True)
    known = {limit.name for limit in plan.limits}
    before = current or Assignment(key, plan.name)
    new = msgspec.structs.replace(
        before,
        plan=plan.name,
        account=before.account if wish.account is None else wish.account,
        expires=before.expires if wish.expires is None else read_expiry(wish.expires),
        overrides={name: amount for name, amount in before.overrides.items() if name in known},
    )
    _change(book, current, new, out, dry_run=dry_run)
    if wish.secret is not None and not dry_run:
        book.know(digest_of(wish.secret), key)
        out.screen().print("Callers with this key are now recognised.")


def read_expiry(text: str) -> int:
    """When a key expires, of a flag.

    Raises:
        CommandError: it names no day or time.
    """
    try:
        return expiry_of(text)
    except ValueError as error:
        raise CommandError(f"{text!r} {error}") from error


def read_mail(text: str) -> str:
    """The address of a flag.

    Raises:
        CommandError: it is none.
    """
    try:
        return mail_address(text)
    except ValueError as error:
        raise CommandError(f"{text!r} {error}") from error


class InForce(NamedTuple):
    """What was in force for a key since a time."""

    since: int
    assignment: Assignment
    version: int
    """Of the plan."""


def history(stack: str, key: str, at: str | None, out: Output) -> None:
    """Show what was in force for a key, and since when.

    Raises:
        CommandError: nothing is known of it, or the time is none.
    """
    book = plan_book(stack)
    entries = in_force(book, key)
    if at is not None:
        until = read_expiry(at)
        entries = [one for one in entries if one.since <= until][-1:]
    if not entries:
        when = f" at {at}" if at else ""
        note = unknown_note(target(stack), key)
        raise CommandError(f"Nothing was in force for key {key!r}{when}. {note}".rstrip())
    out.write(
        [
            {**msgspec.to_builtins(one.assignment), "since": one.since, "plan_version": one.version}
            for one in entries
        ],
    )
    rows = table("since", "plan", "version", "account", "status", "expires", "amounts", numbers=("version",))
    for one in entries:
        amounts = ", ".join(f"{name}={amount:,}" for name, amount in sorted(one.assignment.overrides.items()))
        rows.add_row(
            f"{datetime.fromtimestamp(one.since, UTC):%Y-%m-%d %H:%M:%S} UTC",
            one.assignment.plan,
            str(one.version),
            Text(one.assignment.account),
            one.assignment.status,
            expiry_text(one.assignment.expires),
            amounts,
        )
    out.picture().print(rows)


def in_force(book: PlanBook, key: str) -> list[InForce]:
    """All that was in force for a key, by its own changes and by those of its plans, the first first."""
    entries = book.history(key)
    found = []
    for number, (at, assignment) in enumerate(entries):
        until = entries[number + 1].at if number + 1 < len(entries) else float("inf")
        versions = book.versions(assignment.plan)
        at_first = [plan.version for plan in versions if plan.since <= at]
        found.append(InForce(int(at), assignment, at_first[-1] if at_first else 1))
        found += [
            InForce(plan.since, assignment, plan.version) for plan in versions if at < plan.since < until
        ]
    return found


def override(stack: str, key: str, amounts: Iterable[str], out: Output, *, dry_run: bool) -> None:
    """Give a key amounts of its own.

    Raises:
        CommandError: the key has no plan.
        Misconfigured: its plan has no such limits.
    """
    book = plan_book(stack)
    current = _assigned(stack, book, key)
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
    _change(book, current, new, out, dry_run=dry_run)


def set_status(stack: str, key: str, status: str, out: Output, *, dry_run: bool) -> None:
    """Suspend a key, or resume it.

    Raises:
        CommandError: the key has no plan.
    """
    book = plan_book(stack)
    current = _assigned(stack, book, key)
    new = msgspec.structs.replace(current, status=KeyStatus(status))
    _change(book, current, new, out, dry_run=dry_run)


def _change(
    book: PlanBook, current: Assignment | None, new: Assignment, out: Output, *, dry_run: bool
) -> None:
    new = begun(current, new, int(time.time()))
    found = Changes(keys=(KeyChange(current, new),) if current != new else ())
    make_changes(book, found, out, dry_run=dry_run)


def _assigned(stack: str, book: PlanBook, key: str) -> Assignment:
    assignment = book.assignment(key)
    if assignment is None:
        note = unknown_note(target(stack), key)
        give = f"Key {key!r} has no plan: give it one by `usage-meter quota assign {key} PLAN`."
        raise CommandError(f"{give} {note}".rstrip())
    return assignment


def _show(screen: Console, held: list[Held], through: int | None, now: int) -> None:
    for one in held:
        assignment = one.assignment
        is_account = assignment.key.startswith(ACCOUNT_PREFIX)
        account = f", account {assignment.account}" if assignment.account and not is_account else ""
        who = f"account {assignment.account}" if is_account else assignment.key
        mail = f", mail {assignment.mail}" if assignment.mail else ""
        screen.print(f"{who}: plan {one.plan.name}, version {one.plan.version}{account}{mail}", markup=False)
        if assignment.status is KeyStatus.SUSPENDED:
            screen.print(Text("SUSPENDED: all calls are blocked", "bold red"))
        elif not assignment.may_call(now):
            screen.print(Text(f"EXPIRED: {expiry_text(assignment.expires)}", "bold red"))
    rows = table("limit", "used", "of", "%", "left", "resets", "", numbers=("used", "of", "%", "left"))
    found = [standing for one in held for standing in one.standings]
    for standing in found:
        limit = standing.limit
        share = f"{100 * standing.used / limit.amount:.1f}" if limit.amount else "-"
        resets = datetime.fromtimestamp(standing.resets_at, UTC)
        state = Text("DENIED", "bold red") if standing.denies else Text(limit.kind)
        rows.add_row(
            Text(standing.name),
            f"{standing.used:,}",
            f"{limit.amount:,}",
            share,
            f"{standing.remaining:,}",
            f"{resets:%Y-%m-%d %H:%M} UTC",
            state,
        )
    screen.print(rows if found else "It has no limits.")
    for name, calls in (entry for one in held for entry in one.unknown_sizes.items()):
        screen.print(f"{name} takes {of_unknown_size(calls)} for 0 bytes.", markup=False)
    if through is not None:
        screen.print(f"Calls that were logged {now - through:,} s ago and before are counted.")


def _document(held: list[Held], through: int | None) -> dict[str, object]:
    first = held[0]
    return {
        **msgspec.to_builtins(first.assignment),
        "plan_version": first.plan.version,
        "counted_through": through,
        "limits": [
            {
                "limit": standing.name,
                "kind": str(standing.limit.kind),
                "mode": str(standing.limit.mode),
                "amount": standing.limit.amount,
                "used": standing.used,
                "remaining": standing.remaining,
                "resets_at": standing.resets_at,
                "unknown_sizes": one.unknown_sizes.get(standing.name, 0),
            }
            for one in held
            for standing in one.standings
        ],
    }
