"""Plans and keys from the YAML file that holds them.

```yaml
plans:
  free:
    limits:
      - {metric: requests, period: month, amount: 10000}
      - {metric: requests, period: hour, amount: 100, mode: reserved, reserve_from: 90}
      - {metric: response_bytes, period: day, amount: 1000000000, kind: soft, thresholds: [80, 100]}
keys:                                       # by the id of the key, never the key itself
  a1b2c3: {plan: free, account: acme, overrides: {requests/month: 20000}, expires: 2026-12-31}
accounts:                                   # their limits hold for all of their keys together
  acme: {plan: team, mail: ops@acme.example}
```

A key keeps what the file does not name: its account, its status, and each override. An override is taken back
by `overrides: {requests/month: null}`, an account by `account: "-"`, an address by `mail: "-"`.

A limit bounds billable calls, is hard, counted, and has thresholds at 50, 80 and 100 percent, unless it says
otherwise: a denied call has status 429, is not billable, and so uses up nothing. The counters of a day hold
the requests of each hour and nothing else of it, so that only `requests` can have a limit by the hour. Before
a call is made nobody knows its bytes or whether it fails, so that only calls can be reserved: of `billable`
ones those are reserved that may become billable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeGuard, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from metering.errors import Misconfigured
from metering.key_id import key_id_fault, key_of_subject
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
    holder_of,
)
from metering.strict_document import Document
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
from metering.usage import Metric

HIGHEST_THRESHOLD: Final = 100
HIGHEST_SOFT_THRESHOLD: Final = 10_000
"""A soft limit does not stop the usage, so that a threshold may be a multiple of it."""
NEVER: Final = "never"
NO_MAIL: Final = "-"
LONGEST_MAIL: Final = 254
"""https://www.rfc-editor.org/errata/eid1690"""
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
"""Neither spaces and line ends, nor commas, quotes and brackets: a mailer has nothing to escape."""
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
    expires: int | None = None
    mail: str | None = None
    """Of an account."""

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
            expires=before.expires if self.expires is None else self.expires,
            mail=before.mail if self.mail is None else self.mail,
        )


@dataclass(frozen=True, slots=True)
class PlansDocument:
    """What a file wants to be true. Plans and keys that it does not name stay as they are."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    keys: Mapping[str, WantedKey] = field(default_factory=dict)
    accounts: Mapping[str, WantedKey] = field(default_factory=dict)
    """By the name of the account; the key is who holds its plan: :func:`metering.quotas.plan.holder_of`
    it."""


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
    every_plan = {**(known or {}), **plans}
    faults = list(_faults_of_overrides("keys", fields.keys, every_plan, loaded))
    faults += _faults_of_overrides("accounts", fields.accounts, every_plan, loaded)
    if faults:
        raise Misconfigured(faults)
    return PlansDocument(
        plans,
        {key: one.wanted(key) for key, one in fields.keys.items()},
        {name: one.wanted(name) for name, one in fields.accounts.items()},
    )


def plan_content(plan: Plan) -> dict[str, object]:
    """A plan as the document holds it: what :func:`read_plans` reads back."""
    return {"limits": [limit_content(limit) for limit in plan.limits]}


def limit_content(limit: Limit) -> dict[str, object]:
    """A limit as the document holds it, with what it does not say left out."""
    content: dict[str, object] = {
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


def _thresholds(value: object, info: ValidationInfo) -> object:
    """Percentages, ascending."""
    numbers = value if isinstance(value, list) else [value]
    highest = HIGHEST_SOFT_THRESHOLD if info.data.get("kind") is Kind.SOFT else HIGHEST_THRESHOLD
    rule = f"must be a whole percentage from 1 to {highest}"
    faults = [f"threshold {shown(one)} {rule}" for one in numbers if not _is_percentage(one, 1, highest)]
    again = Counter(one for one in numbers if _is_percentage(one, 1, highest))
    faults += [f"threshold {one} is listed {count} times" for one, count in again.items() if count > 1]
    refuse(*(Broken((), fault) for fault in faults))
    return tuple(sorted(numbers))


def _share(value: object) -> object:
    if not _is_percentage(value, 0):
        wrong(value, f"must be a whole percentage from 0 to {HIGHEST_THRESHOLD}")
    return value


def _is_percentage(value: object, at_least: int, at_most: int = HIGHEST_THRESHOLD) -> TypeGuard[int]:
    return _is_whole(value) and at_least <= value <= at_most


def _expiry(value: object) -> int:
    try:
        return expiry_of(value)
    except ValueError as error:
        wrong(value, str(error))


def expiry_of(value: object) -> int:
    """The epoch seconds of a day or time in a text, a day from its beginning on, in UTC; 0 for `never`.

    Raises:
        ValueError: it names none.
    """
    if value == NEVER:
        return 0
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(
            f"is not a valid day or time: write 2026-12-31, 2026-12-31T18:00:00Z or {NEVER}"
        ) from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _mail(value: object) -> str:
    try:
        return mail_address(str(value))
    except ValueError as error:
        wrong(value, str(error))


def mail_address(text: str) -> str:
    """The address in a text; empty for `-`.

    Raises:
        ValueError: it is none, or one that could say more than an address to a mailer.
    """
    if text == NO_MAIL:
        return ""
    if len(text) > LONGEST_MAIL or not _MAIL.fullmatch(text):
        raise ValueError(f"is not a mail address such as ops@acme.example; {NO_MAIL} takes an address back")
    return text


class LimitFields(StrictModel):
    """A limit of a plan."""

    metric: Annotated[Metric, choice(Metric)] = Metric.BILLABLE
    period: Annotated[Span, choice(Span)]
    amount: Annotated[int, whole(0)]
    kind: Annotated[Kind, choice(Kind)] = Kind.HARD
    thresholds: Annotated[tuple[int, ...], BeforeValidator(_thresholds)] = DEFAULT_THRESHOLDS
    mode: Annotated[Mode, choice(Mode)] = Mode.COUNTED
    reserve_from: Annotated[int, BeforeValidator(_share)] = DEFAULT_RESERVE_FROM

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        metric, mode = value.get("metric", Metric.BILLABLE), value.get("mode", Mode.COUNTED)
        is_of_requests = metric == Metric.REQUESTS or metric not in set(Metric)
        is_of_calls = is_of_requests or metric == Metric.BILLABLE
        if value.get("period") == Span.HOUR and not is_of_requests:
            yield Broken(
                (),
                f"{metric} cannot have a limit by the hour: of an hour the counters know the requests only; "
                "take a day, or the metric requests",
            )
        if mode == Mode.RESERVED and not is_of_calls:
            yield Broken(
                (),
                f"{metric} cannot be reserved: it is known after the call only; take the mode counted, or "
                "the metric requests or billable",
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
        names = Counter(f"{one.get('metric', Metric.BILLABLE)}/{one.get('period')}" for one in rows)
        for name, count in names.items():
            if count > 1:
                yield Broken(
                    ("limits",), f"it has {count} limits {name}; one for a metric and period is allowed"
                )


class HolderFields(StrictModel):
    """Who has a plan: what is left out stays as it is."""

    plan: Text
    status: Annotated[KeyStatus, choice(KeyStatus)] | None = None
    overrides: Annotated[dict[str, Any], Entries] = Field(default_factory=dict)
    expires: Annotated[int, BeforeValidator(_expiry)] | None = None

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:
        plan, plans = value.get("plan"), info.context or ()
        if isinstance(plan, str) and plan.strip() and plan not in plans:
            yield Broken(("plan",), f"there is no plan {plan!r}; the plans are {', '.join(plans) or 'none'}")


class AccountPlanFields(HolderFields):
    """An account."""

    mail: Annotated[str, BeforeValidator(_mail)] | None = None

    def wanted(self, name: str) -> WantedKey:
        """The same as a value."""
        holder = holder_of(name)
        return WantedKey(holder, self.plan, name, self.overrides, self.status, self.expires, self.mail)


class KeyFields(HolderFields):
    """A key."""

    account: Text | None = None

    def wanted(self, key: str) -> WantedKey:
        """The same as a value."""
        account = "" if self.account == "-" else self.account
        return WantedKey(key, self.plan, account, self.overrides, self.status, self.expires)


def _have_names(plans: dict[str, PlanFields]) -> dict[str, PlanFields]:
    rule = "its name must have lower-case letters, digits, '.', '_' and '-' only, at most 64"
    refuse(*(Broken((name,), rule) for name in plans if not _NAME.fullmatch(name)))
    return plans


def _can_be_keys(keys: dict[str, F]) -> dict[str, F]:
    """The names of accounts follow the rule for keys: they are written where those are."""
    refuse(*(Broken((key,), fault) for key in keys if (fault := key_id_fault(key))))
    return keys


def _counted(keys: dict[str, F]) -> dict[str, F]:
    """By the names that the keys are counted under: a key may be the subject of a token, of any length."""
    found: dict[str, F] = {}
    for key, fields in keys.items():
        try:
            counted = key_of_subject(key)
        except ValueError as fault:
            refuse(Broken((key,), str(fault)))
            continue
        if counted in found:
            refuse(Broken((key,), f"it is another spelling of {counted}, which the file has too"))
        found[counted] = fields
    return found


F = TypeVar("F", bound=HolderFields)


class PlansFields(StrictModel):
    """The whole file."""

    plans: Annotated[dict[str, PlanFields], Entries, AfterValidator(_have_names)] = Field(
        default_factory=dict
    )
    keys: Annotated[dict[str, KeyFields], Entries, AfterValidator(_counted)] = Field(default_factory=dict)
    accounts: Annotated[dict[str, AccountPlanFields], Entries, AfterValidator(_can_be_keys)] = Field(
        default_factory=dict
    )


def _faults_of_overrides(
    field_name: str, holders: Mapping[str, HolderFields], plans: Mapping[str, Plan], loaded: object
) -> Iterator[str]:
    """What a key or an account says that its plan does not go with, each with its place."""
    for name, one in holders.items():
        place = loaded.place((field_name, name)) if isinstance(loaded, Document) else None
        amounts = {limit: 0 if amount is None else amount for limit, amount in one.overrides.items()}
        for fault in override_faults(plans[one.plan], amounts):
            text = f"{field_name.removesuffix('s')} {name}: {fault}"
            yield f"{place}: {text}" if place else text
