"""Plans and keys from the YAML file that holds them.

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

A key keeps what the file does not name: its account, its status, and each override. An override is taken back
by `overrides: {requests/month: null}`, an account by `account: "-"`.

A limit is hard, counted, and told at 50, 80 and 100 percent, unless it says otherwise. The counters of a day
hold the requests of each hour and nothing else of it, so that only `requests` can have a limit by the hour;
and before a call is made nobody knows its bytes or its status, so that only `requests` can be reserved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from metering.errors import Misconfigured
from metering.key_id import key_id_fault
from metering.quotas.plan import (
    DEFAULT_RESERVE_FROM,
    DEFAULT_THRESHOLDS,
    Assignment,
    KeyStatus,
    Kind,
    Limit,
    Mode,
    Plan,
    Span,
)
from metering.strict_model import (
    Broken,
    Entries,
    StrictModel,
    Text,
    choice,
    read_document,
    refuse,
    shown,
    whole,
    wrong,
)
from metering.strict_yaml import Document
from metering.usage import Metric

HIGHEST_THRESHOLD: Final = 100
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedKey:
    """What a file says of a key. None, and an override that it does not name, stay as they are."""

    key: str
    plan: str
    account: str | None = None
    overrides: Mapping[str, int | None] = field(default_factory=dict)
    """Amounts in place of the plan's, by the name of the limit; None: the plan's again."""
    status: KeyStatus | None = None

    def over(self, current: Assignment | None) -> Assignment:
        """The key's plan once this has been applied to what it has now."""
        before = current or Assignment(self.key, self.plan)
        overrides = {**before.overrides, **self.overrides}
        return Assignment(
            self.key,
            self.plan,
            before.account if self.account is None else self.account,
            {name: amount for name, amount in overrides.items() if amount is not None},
            self.status or before.status,
        )


@dataclass(frozen=True, slots=True)
class PlansDocument:
    """What a file wants to be true. Plans and keys that it does not name stay as they are."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    keys: Mapping[str, WantedKey] = field(default_factory=dict)


def read_plans(loaded: object, known: Mapping[str, Plan] | None = None) -> PlansDocument:
    """The plans and keys of a document of :mod:`metering.strict_yaml`, or of a mapping. `known` are plans
    that exist already, for its keys.

    Raises:
        Misconfigured: it cannot be used; every fault is named, with its place.
    """
    value = loaded.value if isinstance(loaded, Document) else loaded
    named = value.get("plans") if isinstance(value, Mapping) else None
    names = sorted({*(known or {}), *(str(name) for name in (named if isinstance(named, Mapping) else ()))})
    fields, faults = read_document(PlansFields, loaded, names)
    if fields is None:
        raise Misconfigured(faults)
    plans = {
        name: Plan(name, tuple(limit.limit() for limit in one.limits)) for name, one in fields.plans.items()
    }
    faults = list(_faults_of_overrides(fields.keys, {**(known or {}), **plans}, loaded))
    if faults:
        raise Misconfigured(faults)
    return PlansDocument(plans, {key: one.wanted(key) for key, one in fields.keys.items()})


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


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _thresholds(value: object) -> object:
    """Percentages, ascending."""
    numbers = value if isinstance(value, list) else [value]
    rule = f"must be a whole percentage from 1 to {HIGHEST_THRESHOLD}"
    faults = [f"threshold {shown(one)} {rule}" for one in numbers if not _is_percentage(one, 1)]
    again = Counter(one for one in numbers if _is_percentage(one, 1))
    faults += [f"threshold {one} stands there {count} times" for one, count in again.items() if count > 1]
    refuse(*(Broken((), fault) for fault in faults))
    return tuple(sorted(numbers))


def _share(value: object) -> object:
    if not _is_percentage(value, 0):
        wrong(value, f"must be a whole percentage from 0 to {HIGHEST_THRESHOLD}")
    return value


def _is_percentage(value: object, at_least: int) -> TypeGuard[int]:
    return _is_whole(value) and at_least <= value <= HIGHEST_THRESHOLD


class LimitFields(StrictModel):
    """A limit of a plan."""

    metric: Annotated[Metric, choice(Metric)]
    period: Annotated[Span, choice(Span)]
    amount: Annotated[int, whole(0)]
    kind: Annotated[Kind, choice(Kind)] = Kind.HARD
    thresholds: Annotated[tuple[int, ...], BeforeValidator(_thresholds)] = DEFAULT_THRESHOLDS
    mode: Annotated[Mode, choice(Mode)] = Mode.COUNTED
    reserve_from: Annotated[int, BeforeValidator(_share)] = DEFAULT_RESERVE_FROM

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        metric, mode = value.get("metric"), value.get("mode", Mode.COUNTED)
        is_of_requests = metric == Metric.REQUESTS or metric not in set(Metric)
        if value.get("period") == Span.HOUR and not is_of_requests:
            yield Broken(
                (),
                f"{metric} cannot have a limit by the hour: of an hour the counters know the requests only; "
                "take a day, or the metric requests",
            )
        if mode == Mode.RESERVED and not is_of_requests:
            yield Broken(
                (),
                f"{metric} cannot be reserved: it is known after the call only; take the mode counted, or "
                "the metric requests",
            )
        if mode == Mode.RESERVED and value.get("kind") == Kind.SOFT:
            rule = "a soft limit denies nothing, so that nothing can be reserved; take the mode counted"
            yield Broken((), rule)
        if mode == Mode.COUNTED and "reserve_from" in value:
            rule = "reserve_from says nothing in the mode counted; write mode: reserved, or leave it out"
            yield Broken((), rule)

    def limit(self) -> Limit:
        """The same as a value."""
        terms = (self.kind, self.thresholds, self.mode, self.reserve_from)
        return Limit(self.metric, self.period, self.amount, *terms)


class PlanFields(StrictModel):
    """A plan."""

    limits: list[LimitFields] = Field(default_factory=list)

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        limits = value.get("limits")
        rows = [one for one in limits if isinstance(one, Mapping)] if isinstance(limits, list) else []
        names = Counter(f"{one.get('metric')}/{one.get('period')}" for one in rows)
        for name, count in names.items():
            if count > 1:
                yield Broken(
                    ("limits",), f"it has {count} limits {name}; one for a metric and period is allowed"
                )


class KeyFields(StrictModel):
    """A key: what is left out stays as it is."""

    plan: Text
    account: Text | None = None
    status: Annotated[KeyStatus, choice(KeyStatus)] | None = None
    overrides: Annotated[dict[str, Any], Entries] = Field(default_factory=dict)

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:
        plan, plans = value.get("plan"), info.context or ()
        if isinstance(plan, str) and plan.strip() and plan not in plans:
            yield Broken(("plan",), f"there is no plan {plan!r}; there are {', '.join(plans) or 'none'}")

    def wanted(self, key: str) -> WantedKey:
        """The same as a value."""
        account = "" if self.account == "-" else self.account
        return WantedKey(key, self.plan, account, self.overrides, self.status)


def _have_names(plans: dict[str, PlanFields]) -> dict[str, PlanFields]:
    rule = "its name must have lower-case letters, digits, '.', '_' and '-' only, at most 64"
    refuse(*(Broken((name,), rule) for name in plans if not _NAME.fullmatch(name)))
    return plans


def _can_be_keys(keys: dict[str, KeyFields]) -> dict[str, KeyFields]:
    refuse(*(Broken((key,), fault) for key in keys if (fault := key_id_fault(key))))
    return keys


class PlansFields(StrictModel):
    """The whole file."""

    plans: Annotated[dict[str, PlanFields], Entries, AfterValidator(_have_names)] = Field(
        default_factory=dict
    )
    keys: Annotated[dict[str, KeyFields], Entries, AfterValidator(_can_be_keys)] = Field(default_factory=dict)


def _faults_of_overrides(
    keys: Mapping[str, KeyFields], plans: Mapping[str, Plan], loaded: object
) -> Iterator[str]:
    """What a key says that its plan does not go with, each with its place."""
    for key, one in keys.items():
        place = loaded.place(("keys", key)) if isinstance(loaded, Document) else None
        amounts = {name: 0 if amount is None else amount for name, amount in one.overrides.items()}
        for fault in override_faults(plans[one.plan], amounts):
            yield f"{place}: key {key}: {fault}" if place else f"key {key}: {fault}"
