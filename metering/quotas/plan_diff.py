"""What must change so that plans and keys are as a document wants them, and how that is told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import msgspec

from metering.quotas.plan import Assignment, Limit, Mode, Plan
from metering.quotas.plan_file import PlansDocument


class PlanChange(NamedTuple):
    """A plan gets another version, or its first one."""

    current: Plan | None
    new: Plan


class KeyChange(NamedTuple):
    """A key gets a plan, or has it otherwise."""

    current: Assignment | None
    new: Assignment


class Changes(NamedTuple):
    """All that must change; nothing, if everything is as it should be."""

    plans: tuple[PlanChange, ...] = ()
    keys: tuple[KeyChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.plans or self.keys)


def changes(
    wanted: PlansDocument, plans: Mapping[str, Plan], keys: Mapping[str, Assignment | None], now: int
) -> Changes:
    """The changes from what there is to what is wanted, at a time in epoch seconds."""
    new_plans = [PlanChange(plans.get(name), plan) for name, plan in sorted(wanted.plans.items())]
    new_keys = [KeyChange(keys.get(key), one.over(keys.get(key))) for key, one in sorted(wanted.keys.items())]
    return Changes(
        tuple(
            _numbered(one) for one in new_plans if one.current is None or one.current.limits != one.new.limits
        ),
        tuple(one for one in (_begun(one, now) for one in new_keys) if one.current != one.new),
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


def told(found: Changes) -> list[str]:
    """The changes as text, a line each."""
    lines = [line for change in found.plans for line in _plan_told(change)]
    return lines + [line for change in found.keys for line in _key_told(change)]


def limit_told(limit: Limit) -> str:
    """A limit in a few words."""
    mode = f", reserved from {limit.reserve_from} %" if limit.mode is Mode.RESERVED else ""
    thresholds = "+".join(str(one) for one in limit.thresholds)
    alerts = f", told at {thresholds} %" if thresholds else ", not told"
    return f"{limit.name} {limit.amount:,} {limit.kind}{mode}{alerts}"


def _numbered(change: PlanChange) -> PlanChange:
    version = 1 if change.current is None else change.current.version + 1
    return change._replace(new=msgspec.structs.replace(change.new, version=version))


def _begun(change: KeyChange, now: int) -> KeyChange:
    """A key has its plan since now, unless it had it before."""
    current = change.current
    since = current.since if current is not None and current.plan == change.new.plan else now
    return change._replace(new=msgspec.structs.replace(change.new, since=since))


def _plan_told(change: PlanChange) -> Iterator[str]:
    before = {limit.name: limit for limit in change.current.limits} if change.current else {}
    after = {limit.name: limit for limit in change.new.limits}
    yield f"plan {change.new.name}: " + ("new" if change.current is None else f"version {change.new.version}")
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield from (f"  - {limit_told(one)}" for one in [before.get(name)] if one)
            yield from (f"  + {limit_told(one)}" for one in [after.get(name)] if one)


def _key_told(change: KeyChange) -> Iterator[str]:
    current, new = change
    if current is None:
        yield f"key {new.key}: plan {new.plan}" + (f", account {new.account}" if new.account else "")
        return
    parts = [
        f"{name} {getattr(current, name) or 'none'} -> {getattr(new, name) or 'none'}"
        for name in ("plan", "account", "status")
        if getattr(current, name) != getattr(new, name)
    ]
    for limit in sorted(current.overrides.keys() | new.overrides.keys()):
        before, after = current.overrides.get(limit), new.overrides.get(limit)
        if before != after:
            parts.append(f"{limit} {_amount_told(before)} -> {_amount_told(after)}")
    yield f"key {new.key}: {', '.join(parts)}"


def _amount_told(amount: int | None) -> str:
    return "as the plan" if amount is None else f"{amount:,}"
