"""Plans and keys from the mapping that a YAML file holds.

```yaml
plans:
  free:
    limits:
      - {metric: requests, period: month, amount: 10000}
      - {metric: requests, period: hour, amount: 100, mode: reserved, reserve_from: 90}
      - {metric: response_bytes, period: day, amount: 1000000000, kind: soft, thresholds: [80, 100]}
keys:                                       # by the id of the key, never the key itself
  a1b2c3: {plan: free, account: acme, status: active, overrides: {requests/month: 20000}}
```

A limit is hard, counted, and told at 50, 80 and 100 percent, unless it says otherwise. The counters of a day
hold the requests of each hour and nothing else of it, so that only `requests` can have a limit by the hour;
and before a call is made nobody knows its bytes or its status, so that only `requests` can be reserved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from metering.errors import Misconfigured
from metering.key_id import key_id_fault
from metering.plans import (
    DEFAULT_RESERVE_FROM,
    DEFAULT_THRESHOLDS,
    Assignment,
    KeyStatus,
    Kind,
    Limit,
    Metric,
    Mode,
    Plan,
    Span,
)
from metering.prices.section import Section

HIGHEST_THRESHOLD: Final = 100
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PlansDocument:
    """What a file wants to be true. Plans and keys that it does not name stay as they are."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    keys: Mapping[str, Assignment] = field(default_factory=dict)


def read_plans(loaded: object, known: Mapping[str, Plan] | None = None) -> PlansDocument:
    """The plans and keys of a loaded document. `known` are plans that exist already, for its keys.

    Raises:
        Misconfigured: it cannot be used; every fault is named, with its place.
    """
    faults: list[str] = []
    section = Section(loaded, "", faults)
    plans = {name: _plan(name, value, section) for name, value in section.entries("plans")}
    every_plan = {**(known or {}), **plans}
    keys = {key: _assignment(key, value, section, every_plan) for key, value in section.entries("keys")}
    section.close()
    if faults:
        raise Misconfigured(faults)
    return PlansDocument(plans, keys)


def plan_content(plan: Plan) -> dict[str, Any]:
    """A plan as the document holds it: what :func:`read_plans` reads back."""
    return {"limits": [limit_content(limit) for limit in plan.limits]}


def limit_content(limit: Limit) -> dict[str, Any]:
    """A limit as the document holds it, with what it does not say left out."""
    content: dict[str, Any] = {
        "metric": str(limit.metric),
        "period": str(limit.span),
        "amount": limit.amount,
        "kind": str(limit.kind),
        "thresholds": list(limit.thresholds),
    }
    if limit.mode is Mode.RESERVED:
        content |= {"mode": str(limit.mode), "reserve_from": limit.reserve_from}
    return content


def override_faults(plan: Plan, overrides: Mapping[str, int]) -> list[str]:
    """What is wrong with amounts that shall replace those of a plan."""
    known = [limit.name for limit in plan.limits]
    faults = [
        f"override {name} names no limit of plan {plan.name}, which has {', '.join(known) or 'none'}"
        for name in overrides
        if name not in known
    ]
    return faults + [
        f"override {name} is {amount!r}: it must be a whole number of 0 or more"
        for name, amount in overrides.items()
        if not _is_whole(amount) or amount < 0
    ]


def _plan(name: str, value: object, above: Section) -> Plan:
    section = above.within(value, f"plan {name}")
    if not _NAME.fullmatch(name):
        section.fault("its name must have lower-case letters, digits, '.', '_' and '-' only, at most 64")
    limits = [
        _limit(one, section.within(one, f"plan {name}, limit {number}"))
        for number, one in enumerate(_list(value, "limits", section), 1)
    ]
    section.close()
    for twice, count in Counter(limit.name for limit in limits if limit is not None).items():
        if count > 1:
            section.fault(f"it has {count} limits {twice}; one for a metric and period is allowed")
    return Plan(name, tuple(limit for limit in limits if limit is not None))


def _list(value: object, name: str, section: Section) -> Sequence[object]:
    """A list that may be empty, or not there."""
    is_empty = isinstance(value, Mapping) and value.get(name) == []
    return section.sequence(name) if section.has(name) and not is_empty else ()


def _limit(value: object, section: Section) -> Limit | None:
    """None for one whose metric or period is unknown: nothing can be said about it then."""
    faults_before = section.fault_count
    metric = section.choice("metric", Metric, Metric.REQUESTS)
    span = section.choice("period", Span, Span.MONTH)
    has_name = section.fault_count == faults_before
    kind = section.choice("kind", Kind, Kind.HARD) if section.has("kind") else Kind.HARD
    mode = section.choice("mode", Mode, Mode.COUNTED) if section.has("mode") else Mode.COUNTED
    limit = Limit(
        metric,
        span,
        section.whole("amount", 0),
        kind,
        _thresholds(value, section),
        mode,
        _reserve_from(section, mode),
    )
    section.close()
    for fault in _contradictions(limit):
        section.fault(fault)
    return limit if has_name else None


def _contradictions(limit: Limit) -> list[str]:
    faults = []
    if limit.span is Span.HOUR and limit.metric is not Metric.REQUESTS:
        faults.append(
            f"{limit.metric} cannot have a limit by the hour: of an hour the counters know the requests "
            "only; take a day, or the metric requests"
        )
    if limit.mode is Mode.RESERVED and limit.metric is not Metric.REQUESTS:
        faults.append(
            f"{limit.metric} cannot be reserved: it is known after the call only; take the mode counted, "
            "or the metric requests"
        )
    if limit.mode is Mode.RESERVED and limit.kind is Kind.SOFT:
        faults.append("a soft limit denies nothing, so that nothing can be reserved; take the mode counted")
    return faults


def _thresholds(value: object, section: Section) -> tuple[int, ...]:
    if not section.has("thresholds"):
        return DEFAULT_THRESHOLDS
    numbers: list[int] = []
    for number in _list(value, "thresholds", section):
        if not _is_whole(number):
            section.fault(f"threshold {number!r} must be a whole percentage from 1 to {HIGHEST_THRESHOLD}")
            continue
        numbers.append(number)
        if not 1 <= number <= HIGHEST_THRESHOLD:
            section.fault(f"threshold {number} must be a whole percentage from 1 to {HIGHEST_THRESHOLD}")
    for number, count in Counter(numbers).items():
        if count > 1:
            section.fault(f"threshold {number} stands there {count} times")
    return tuple(sorted(numbers))


def _reserve_from(section: Section, mode: Mode) -> int:
    if not section.has("reserve_from"):
        return DEFAULT_RESERVE_FROM
    share = section.whole("reserve_from", 0)
    if share > HIGHEST_THRESHOLD:
        section.fault(f"reserve_from {share} must be a whole percentage from 0 to {HIGHEST_THRESHOLD}")
    if mode is Mode.COUNTED:
        section.fault("reserve_from says nothing in the mode counted; write mode: reserved, or leave it out")
    return share


def _assignment(key: str, value: object, above: Section, plans: Mapping[str, Plan]) -> Assignment:
    section = above.within(value, f"key {key}")
    if fault := key_id_fault(key):
        section.fault(fault)
    name = section.text("plan")
    account = section.text("account", "-")
    status = (
        section.choice("status", KeyStatus, KeyStatus.ACTIVE) if section.has("status") else KeyStatus.ACTIVE
    )
    overrides: dict[str, Any] = dict(section.entries("overrides"))
    section.close()
    if name and name not in plans:
        section.fault(f"there is no plan {name!r}; there are {', '.join(sorted(plans)) or 'none'}")
    elif name:
        for fault in override_faults(plans[name], overrides):
            section.fault(fault)
    return Assignment(key, name, "" if account == "-" else account, overrides, status)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
