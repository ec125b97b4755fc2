"""What must change so that plans and keys are as a document wants them, and the changes as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from metering.quotas.plan import ACCOUNT_PREFIX, AccountKeys, Assignment, Limit, Mode, Plan
from metering.quotas.plan_file import PlansDocument


class PlanChange(NamedTuple):
    """A plan gets another version, or its first one."""

    current: Plan | None
    new: Plan


class KeyChange(NamedTuple):
    """A key gets a plan, or has it otherwise."""

    current: Assignment | None
    new: Assignment


class UnusedOverride(NamedTuple):
    """An amount of a key that a plan's new version has no limit for. It waits for one that has it."""

    key: str
    plan: Plan
    limit: str
    amount: int


class Holders(NamedTuple):
    """Who has a plan now."""

    keys: Iterable[Assignment] = ()
    """All keys: what a new version of their plan takes from them is said."""
    accounts: Mapping[str, AccountKeys | None] = {}
    """Those that the document names."""


class Changes(NamedTuple):
    """All that must change; nothing, if everything is as it should be."""

    plans: tuple[PlanChange, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    accounts: tuple[KeyChange, ...] = ()
    unused: tuple[UnusedOverride, ...] = ()
    """What the changes of plans take the force from."""

    def __bool__(self) -> bool:
        return bool(self.plans or self.keys or self.accounts)


def changes(
    wanted: PlansDocument,
    plans: Mapping[str, Plan],
    keys: Mapping[str, Assignment | None],
    now: int,
    holders: Holders | None = None,
) -> Changes:
    """The changes from what there is to what is wanted, at a time in epoch seconds."""
    holders = holders or Holders()
    held = {name: one.assignment for name, one in holders.accounts.items() if one is not None}
    new_accounts = [
        KeyChange(held.get(name), one.over(held.get(name))) for name, one in sorted(wanted.accounts.items())
    ]
    new_plans = [PlanChange(plans.get(name), plan) for name, plan in sorted(wanted.plans.items())]
    new_keys = [KeyChange(keys.get(key), one.over(keys.get(key))) for key, one in sorted(wanted.keys.items())]
    changed = tuple(
        _numbered(one, now)
        for one in new_plans
        if one.current is None or one.current.limits != one.new.limits
    )
    return Changes(
        changed,
        tuple(one for one in (_begun(one, now) for one in new_keys) if one.current != one.new),
        tuple(one for one in (_begun(one, now) for one in new_accounts) if one.current != one.new),
        tuple(
            one
            for holder in sorted(holders.keys, key=lambda one: one.key)
            if holder.key not in wanted.keys
            for change in changed
            for one in _unused(change, holder)
        ),
    )


def over_current(found: PlansDocument, plans: Mapping[str, Plan]) -> PlansDocument:
    """Imported plans over the current ones: API Gateway names one amount a plan, so that whatever else a plan
    has was said here, and is kept.
    """
    return replace(found, plans={name: _over(plan, plans.get(name)) for name, plan in found.plans.items()})


def _over(found: Plan, current: Plan | None) -> Plan:
    amounts = {limit.name: limit.amount for limit in found.limits}
    before = current.limits if current else ()
    kept = [msgspec.structs.replace(one, amount=amounts.get(one.name, one.amount)) for one in before]
    added = [one for one in found.limits if one.name not in {limit.name for limit in before}]
    return msgspec.structs.replace(found, limits=(*kept, *added))


def described(found: Changes) -> list[str]:
    """The changes as text, a line each."""
    lines = [line for change in found.plans for line in _plan_changes(change)]
    lines += [line for change in (*found.keys, *found.accounts) for line in _key_changes(change)]
    return lines + [
        f"key {one.key}: its {one.limit} {one.amount:,} no longer applies: version {one.plan.version} of "
        f"plan {one.plan.name} has no such limit, so the plan's amounts apply"
        for one in found.unused
    ]


def describe_limit(limit: Limit) -> str:
    """A limit in a few words."""
    mode = f", reserved from {limit.reserve_from} %" if limit.mode is Mode.RESERVED else ""
    thresholds = "+".join(str(one) for one in limit.thresholds)
    alerts = f", alerts at {thresholds} %" if thresholds else ", no alerts"
    return f"{limit.name} {limit.amount:,} {limit.kind}{mode}{alerts}"


def _unused(change: PlanChange, holder: Assignment) -> Iterator[UnusedOverride]:
    """The amounts of a key that held until this change."""
    before = {limit.name for limit in change.current.limits} if change.current else set()
    after = {limit.name for limit in change.new.limits}
    if holder.plan == change.new.name:
        for name in sorted(holder.overrides.keys() & (before - after)):
            yield UnusedOverride(holder.key, change.new, name, holder.overrides[name])


def _numbered(change: PlanChange, now: int) -> PlanChange:
    version = 1 if change.current is None else change.current.version + 1
    return change._replace(new=msgspec.structs.replace(change.new, version=version, since=now))


def _begun(change: KeyChange, now: int) -> KeyChange:
    return change._replace(new=begun(change.current, change.new, now))


def begun(current: Assignment | None, new: Assignment, now: int) -> Assignment:
    """A key's new plan, in force since now, unless the key had it before, with the same amounts."""
    is_same = current is not None and (current.plan, current.overrides) == (new.plan, new.overrides)
    return msgspec.structs.replace(new, since=current.since if current is not None and is_same else now)


def _plan_changes(change: PlanChange) -> Iterator[str]:
    before = {limit.name: limit for limit in change.current.limits} if change.current else {}
    after = {limit.name: limit for limit in change.new.limits}
    yield f"plan {change.new.name}: " + ("new" if change.current is None else f"version {change.new.version}")
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield from (f"  - {describe_limit(one)}" for one in [before.get(name)] if one)
            yield from (f"  + {describe_limit(one)}" for one in [after.get(name)] if one)


def _key_changes(change: KeyChange) -> Iterator[str]:
    current, new = change
    is_account = new.key.startswith(ACCOUNT_PREFIX)
    who = f"account {new.account}" if is_account else f"key {new.key}"
    if current is None:
        yield (
            f"{who}: plan {new.plan}"
            + (f", account {new.account}" if new.account and not is_account else "")
            + (f", mail {new.mail}" if new.mail else "")
        )
        return
    parts = [
        f"{name} {getattr(current, name) or 'none'} -> {getattr(new, name) or 'none'}"
        for name in ("plan", "account", "status", "mail")
        if getattr(current, name) != getattr(new, name)
    ]
    for limit in sorted(current.overrides.keys() | new.overrides.keys()):
        before, after = current.overrides.get(limit), new.overrides.get(limit)
        if before != after:
            parts.append(f"{limit} {_amount_text(before)} -> {_amount_text(after)}")
    if current.expires != new.expires:
        parts.append(f"expires {expiry_text(current.expires)} -> {expiry_text(new.expires)}")
    yield f"{who}: {', '.join(parts)}"


def expiry_text(expires: int) -> str:
    """When a key expires, in words."""
    return f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC" if expires else "never"


def _amount_text(amount: int | None) -> str:
    return "as the plan" if amount is None else f"{amount:,}"
