"""A tariff: plans with dated price versions, and the accounts that are billed by them.

Everything has a time, in months: a price version, the plan of an account, a key of an account, an account,
and the plan of keys without one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from metering.period import Period
from metering.prices.canonical import canonical_json
from metering.prices.money import Rounding, plain
from metering.prices.price import InvalidPrice, Price, bounds_faults
from metering.prices.terms.invoice_terms import InvoiceTerms
from metering.prices.terms.meters import FurtherMeter
from metering.prices.terms.parties import Party
from metering.prices.terms.tax import Tax
from metering.prices.terms.validity import ALWAYS, UNDATED, Validity

KEY_ACCOUNT: Final = "key:"
"""How the account of a key begins that belongs to no account and is billed by the default plan."""
FINAL_AFTER: Final = 12
"""Months after which a month is final, unless the tariff says otherwise."""


class NoPrice(LookupError):
    """Nothing says what an account pays in a month: no plan, or no version of the plan, is valid then."""


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """What a plan costs in the months from `valid_from` until before `valid_until` (None: open).

    `minimum` and `maximum` bound the sum of the account's lines.
    """

    plan: str
    version: str
    valid_from: Period
    valid_until: Period | None
    currency: str
    rounding: Rounding
    prices: tuple[Price, ...]
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    digest: str = field(init=False)
    """A hash of all that decides an amount: two versions with one digest price alike, whatever they are
    called.
    """

    def __post_init__(self) -> None:
        if faults := _version_faults(self):
            raise InvalidPrice([f"plan {self.plan}, version {self.version}: {fault}" for fault in faults])
        content = hashlib.sha256(canonical_json(_content(self))).hexdigest()
        object.__setattr__(self, "digest", content[:16])

    def valid_in(self, month: Period) -> bool:
        """Whether this version prices the month."""
        return Validity(self.valid_from, self.valid_until).holds_in(month)


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """A plan in the months of its validity."""

    plan: str
    validity: Validity = UNDATED


@dataclass(frozen=True, slots=True)
class Holding:
    """A key of an account, in the months of its validity."""

    key: str
    validity: Validity = UNDATED


@dataclass(frozen=True, slots=True)
class Account:
    """Who is billed: one or more API keys, whose usage is added up before it meets the tiers."""

    id: str
    holdings: tuple[Holding, ...]
    plans: tuple[AccountPlan, ...]
    validity: Validity = UNDATED
    stripe_customer: str | None = None
    customer: Party | None = None
    """Who it is on paper."""
    taxes: tuple[Tax, ...] | None = None
    """What is added to its invoices, in place of what the tariff says for all."""

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that it ever has."""
        return tuple(dict.fromkeys(holding.key for holding in self.holdings))

    def keys_in(self, month: Period) -> tuple[str, ...]:
        """Its keys in a month."""
        return tuple(holding.key for holding in self.holdings if holding.validity.holds_in(month))

    def has_plan_in(self, month: Period) -> bool:
        """Whether a plan is assigned to it in a month."""
        return any(one.validity.holds_in(month) for one in self.plans)

    def plan_in(self, month: Period) -> str:
        """The name of the plan in a month. Raises NoPrice where none is assigned."""
        for one in self.plans:
            if one.validity.holds_in(month):
                return one.plan
        first, last = self.plans[0].validity.start, self.plans[-1].validity.end
        known = f"its first begins in {first}" if month < first else f"its last ends before {last}"
        raise NoPrice(f"account {self.id} has no plan in {month}; {known}")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose key it is in a month; `is_dated` where the tariff says from when."""

    account: Account
    is_dated: bool


@dataclass(frozen=True, slots=True)
class Tariff:
    """Everything that turns usage into amounts. Versions and assignments are in the order of time."""

    plans: Mapping[str, tuple[PlanVersion, ...]]
    accounts: Mapping[str, Account]
    default_plans: tuple[AccountPlan, ...] = ()
    """The plans of keys without an account."""
    final_after: int = FINAL_AFTER
    """How many months after a month it is adjusted for the last time."""
    terms: InvoiceTerms | None = None
    """What an invoice needs on paper; None: it has amounts only."""
    meters: tuple[FurtherMeter, ...] = ()
    """Further meters, whose usage is added."""

    def default_plan_in(self, month: Period) -> str | None:
        """The plan of keys without an account in a month."""
        return next((one.plan for one in self.default_plans if one.validity.holds_in(month)), None)

    def accounts_in(self, month: Period) -> list[Account]:
        """The accounts that there are in a month, and have a plan in it, in the order of the file."""
        accounts = self.accounts.values()
        return [one for one in accounts if one.validity.holds_in(month) and one.has_plan_in(month)]

    def owners_in(self, month: Period) -> dict[str, Owner]:
        """Whose each key is in a month."""
        return {
            holding.key: Owner(account, holding.validity.start != ALWAYS)
            for account in self.accounts_in(month)
            for holding in account.holdings
            if holding.validity.holds_in(month)
        }

    def version_of_digest(self, plan: str, digest: str) -> PlanVersion | None:
        """The version that prices alike: of the plan, or, where that was renamed, of any."""
        versions = [*self.plans.get(plan, ()), *(one for plan in self.plans.values() for one in plan)]
        return next((version for version in versions if version.digest == digest), None)

    def version(self, plan: str, month: Period) -> PlanVersion:
        """The version of a plan that prices a month. Raises NoPrice."""
        for version in self.plans.get(plan, ()):
            if version.valid_in(month):
                return version
        known = ", ".join(f"{v.version} from {v.valid_from} "
                          f"{f'until {v.valid_until}' if v.valid_until else 'on'}"
                          for v in self.plans.get(plan, ()))  # fmt: skip
        raise NoPrice(f"plan {plan} has no version for {month}; it has {known or 'none'}")


def _version_faults(version: PlanVersion) -> list[str]:
    counts = Counter(price.id for price in version.prices)
    shared = [f"price {price} is there {count} times" for price, count in counts.items() if count > 1]
    return shared + bounds_faults(version.minimum, version.maximum)


def _content(version: PlanVersion) -> dict[str, object]:
    return {
        "currency": version.currency,
        "rounding": [version.rounding.digits, version.rounding.mode],
        "minimum": _optional(version.minimum),
        "maximum": _optional(version.maximum),
        "prices": [_price_content(price) for price in version.prices],
    }


def _price_content(price: Price) -> dict[str, object]:
    return {
        "id": price.id,
        "metric": price.metric,
        "model": price.model,
        "zero_month": price.zero_month,
        "per": price.per,
        "package_size": price.package_size,
        "free_units": price.free_units,
        "minimum": _optional(price.minimum),
        "maximum": _optional(price.maximum),
        "tiers": [[tier.up_to, plain(tier.unit_price), plain(tier.flat_fee)] for tier in price.tiers],
    }


def _optional(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
