"""A tariff from the mapping that a YAML file holds.

    InvalidTariff   the file cannot be used; every fault is named at once, with its place

```yaml
currency: EUR
rounding: {digits: 2, mode: half_even}    # half_even half_up half_down up down; once, for each line
zero_month: lago                          # first_tier minimum nothing, or a peer's name
default_plan: pro                         # optional: for keys without an account
plans:
  pro:
    - version: "2026-10"
      valid_from: 2026-10                 # months; valid_until is exclusive, and may be left out
      minimum: "10"                       # optional, of all lines together; maximum likewise
      prices:
        - {metric: billable, model: graduated, free_units: 1000, tiers: [
            {up_to: 10000, unit_price: "0.10", flat_fee: "2"},
            {unit_price: "0.05"}]}
        - {id: traffic, metric: response_bytes, model: flat, unit_price: "0.09", per: 1000000000}
        - {metric: errors, model: package, package_price: "100", package_size: 10}
accounts:
  acme: {keys: [a1b2c3], plan: pro, stripe_customer: cus_1}
  initech: {keys: [d4e5f6], plan: [{plan: pro, valid_from: 2026-11}]}    # its plans in the order of time
```

Money is a quoted decimal or an integer. A float is refused: 0.1 has no exact binary form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from metering.key_id import key_id_fault
from metering.prices.month import Month
from metering.prices.plan_reader import Defaults, read_defaults, read_plan
from metering.prices.section import Section
from metering.prices.tariff import KEY_ACCOUNT, Account, Assignment, Tariff

_ALWAYS = Month("0001-01")


class InvalidTariff(ValueError):
    """A tariff that cannot be used. `faults` holds one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(f"{len(faults)} fault{'s' * (len(faults) > 1)} in the tariff:\n" + "\n".join(faults))
        self.faults = tuple(faults)


def read_tariff(loaded: object) -> Tariff:
    """The tariff in a loaded YAML document. Raises InvalidTariff with every fault."""
    faults: list[str] = []
    section = Section(loaded, "", faults)
    defaults = read_defaults(section, Defaults())
    plans = {name: read_plan(name, value, section, defaults) for name, value in section.entries("plans")}
    accounts = {name: _account(name, value, section, plans) for name, value in section.entries("accounts")}
    default_plan = _known_plan(section, "default_plan", plans) if section.has("default_plan") else None
    if not plans:
        section.fault("plans: a tariff needs at least one plan")
    section.close()
    faults += _shared_keys(accounts)
    if faults:
        raise InvalidTariff(faults)
    return Tariff(plans, accounts, default_plan)


def _account(name: str, value: object, above: Section, plans: Mapping[str, object]) -> Account:
    section = above.within(value, f"account {name}")
    keys = [_key(section, key) for key in section.sequence("keys")]
    account = Account(name, tuple(keys), _assignments(section, plans), _stripe_customer(section))
    section.close()
    if name.startswith(KEY_ACCOUNT):
        section.fault(f"its name cannot begin with {KEY_ACCOUNT}, which names keys without an account")
    return account


def _key(section: Section, key: object) -> str:
    if not isinstance(key, str):
        section.fault(f"key {key!r} is not an API key id; ids are quoted texts")
        return ""
    if fault := key_id_fault(key):
        section.fault(f"key {key!r} is not an API key id; {fault}")
        return ""
    return key


def _assignments(section: Section, plans: Mapping[str, object]) -> tuple[Assignment, ...]:
    if section.is_text("plan"):
        return (Assignment(_known_plan(section, "plan", plans), _ALWAYS),)
    items = [
        section.within(item, f"{section.place}, plan {n}")
        for n, item in enumerate(section.sequence("plan"), 1)
    ]
    assignments = tuple(
        Assignment(_known_plan(item, "plan", plans), item.month("valid_from")) for item in items
    )
    for item in items:
        item.close()
    if any(later.valid_from <= earlier.valid_from for earlier, later in pairwise(assignments)):
        section.fault("plan: assignments must begin one after the other, the earlier first")
    return assignments


def _known_plan(section: Section, name: str, plans: Mapping[str, object]) -> str:
    plan = section.text(name)
    if plan and plan not in plans:
        section.fault(f"{name} {plan!r} is not a plan of this tariff; it has {', '.join(plans) or 'none'}")
    return plan


def _stripe_customer(section: Section) -> str | None:
    return section.text("stripe_customer") if section.has("stripe_customer") else None


def _shared_keys(accounts: Mapping[str, Account]) -> list[str]:
    owners = [(key, account.id) for account in accounts.values() for key in account.keys if key]
    counts = Counter(key for key, _ in owners)
    return [
        f"key {key} is listed {count} times ({', '.join(owner for k, owner in owners if k == key)}); "
        "it can be billed once only"
        for key, count in counts.items()
        if count > 1
    ]
