"""A tariff: plans with dated price versions, and the accounts that are billed by them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from metering.prices.canonical import canonical_json
from metering.prices.money import Rounding, plain
from metering.prices.month import Month
from metering.prices.price import InvalidPrice, Price, bounds_faults

KEY_ACCOUNT = "key:"
"""How the account of a key begins that belongs to no account and is billed by the default plan."""


class NoPrice(LookupError):
    """Nothing says what an account pays in a month: no plan, or no version of the plan, is valid then."""


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """What a plan costs in the months from `valid_from` until before `valid_until` (None: open).

    `minimum` and `maximum` bound the sum of the account's lines.
    """

    plan: str
    version: str
    valid_from: Month
    valid_until: Month | None
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

    def valid_in(self, month: Month) -> bool:
        """Whether this version prices the month."""
        return self.valid_from <= month and (self.valid_until is None or month < self.valid_until)


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """The plan of an account from a month on, until its next assignment."""

    plan: str
    valid_from: Month


@dataclass(frozen=True, slots=True)
class Account:
    """Who is billed: one or more API keys, whose usage is added up before it meets the tiers."""

    id: str
    keys: tuple[str, ...]
    plans: tuple[AccountPlan, ...]
    stripe_customer: str | None = None

    def plan_in(self, month: Month) -> str:
        """The name of the plan in a month. Raises NoPrice before the first assignment."""
        valid = [assignment for assignment in self.plans if assignment.valid_from <= month]
        if not valid:
            raise NoPrice(
                f"account {self.id} has no plan in {month}; its first begins in {self.plans[0].valid_from}"
            )
        return valid[-1].plan


@dataclass(frozen=True, slots=True)
class Tariff:
    """Everything that turns usage into amounts. Versions and assignments are in the order of time."""

    plans: Mapping[str, tuple[PlanVersion, ...]]
    accounts: Mapping[str, Account]
    default_plan: str | None = None

    def version(self, plan: str, month: Month) -> PlanVersion:
        """The version of a plan that prices a month. Raises NoPrice."""
        for version in self.plans.get(plan, ()):
            if version.valid_in(month):
                return version
        known = ", ".join(f"{v.version} from {v.valid_from} until {v.valid_until or 'further notice'}"
                          for v in self.plans.get(plan, ()))  # fmt: skip
        raise NoPrice(f"plan {plan} has no version for {month}; it has {known or 'none'}")

    def account_of_key(self) -> dict[str, Account]:
        """Which account owns a key."""
        return {key: account for account in self.accounts.values() for key in account.keys}


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
