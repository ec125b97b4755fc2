"""A tariff from the YAML file that holds it.

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
  globex: {keys: [{key: g7h8i9, until: 2026-12}], plan: pro, from: 2026-06}    # a key that leaves in December
```

Whatever has a time says it by `valid_from` and `valid_until`, the first month after; in accounts, their keys
and their plans `from` and `until` are short for them.

Money is a decimal number or an integer. A float is refused: 0.1 has no exact binary form.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise, zip_longest
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from metering.key_id import key_of_subject
from metering.period import Period
from metering.prices.currency import currency_digits
from metering.prices.documents import ADJUSTMENTS, UNBILLED
from metering.prices.money import Rounding, RoundingMode
from metering.prices.price_file import (
    Bounded,
    PriceFields,
    TariffContext,
    ZeroMonthRule,
    context_of,
    price_fields,
)
from metering.prices.tariff import (
    FINAL_AFTER,
    KEY_ACCOUNT,
    Account,
    AccountPlan,
    Holding,
    PlanVersion,
    Tariff,
)
from metering.prices.terms.dated_fields import Dated, MonthText, ends_later
from metering.prices.terms.fields import (
    InvoiceTermsFields,
    MeterFields,
    PartyFields,
    TaxFields,
    further_meters,
    invoice_terms,
)
from metering.prices.terms.validity import Validity
from metering.strict_document import Document
from metering.strict_model import (
    Broken,
    Entries,
    Filled,
    StrictModel,
    Text,
    choice,
    filled,
    read_document,
    reading,
    refuse,
    shown,
    whole,
    wrong,
)

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_MAX_ROUNDING_DIGITS: Final = 12
MOST_MONTHS: Final = 1200
RESERVED_ACCOUNTS: Final = MappingProxyType(
    {
        KEY_ACCOUNT: "keys without an account",
        ADJUSTMENTS: "documents that hold adjustments only",
        UNBILLED: "what nobody was billed for",
    }
)
"""Beginnings of names that no account can have, and what they name."""


class InvalidTariff(ValueError):
    """A tariff that cannot be used. `faults` holds one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(f"{len(faults)} fault{'s' * (len(faults) > 1)} in the tariff:\n" + "\n".join(faults))
        self.faults = tuple(faults)


def read_tariff(loaded: object) -> Tariff:
    """The tariff in a document of :mod:`metering.strict_yaml`, or in a mapping.

    Raises:
        InvalidTariff: it cannot be used; every fault is named.
    """
    value = loaded.value if isinstance(loaded, Document) else loaded
    given = value if isinstance(value, Mapping) else {}
    fields, faults = read_document(TariffFields, loaded, TariffContext(given))
    if fields is None:
        raise InvalidTariff(faults)
    return _tariff(fields)


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError(f"{text!r} is not a currency of three capital letters, like EUR")
    return text


class RoundingFields(StrictModel):
    """How an amount becomes payable."""

    digits: Annotated[int, whole(0)]
    mode: Annotated[RoundingMode, choice(RoundingMode)]

    @field_validator("digits", mode="after")
    @classmethod
    def _is_possible(cls, digits: int) -> int:
        if digits > _MAX_ROUNDING_DIGITS:
            wrong(digits, f"is above {_MAX_ROUNDING_DIGITS}")
        return digits

    def rounding(self) -> Rounding:
        """The same as a value."""
        return Rounding(self.digits, self.mode)


class Terms(StrictModel):
    """What holds for a whole tariff, unless a version says otherwise."""

    currency: Annotated[str, reading(_currency)] | None = None
    rounding: RoundingFields | None = None
    zero_month: ZeroMonthRule | None = None


class VersionFields(Terms, Bounded):
    """A version of a plan."""

    version: Text
    valid_from: MonthText
    valid_until: MonthText | None = None
    prices: Annotated[list[Annotated[PriceFields, PlainValidator(price_fields)]], Filled]

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:
        context = context_of(info)
        context.has_zero_month = "zero_month" in value or "zero_month" in context.given
        if "currency" not in value and "currency" not in context.given:
            yield Broken((), "no currency; say it here or for the whole tariff, like currency: EUR")
        if "rounding" not in value and "rounding" not in context.given:
            example = "rounding: {digits: 2, mode: half_even}"
            yield Broken((), f"no rounding; say it here or for the whole tariff, like {example}")

    @field_validator("valid_until", mode="after")
    @classmethod
    def _ends_later(cls, end: Period, info: ValidationInfo) -> Period:
        return ends_later(end, info)

    @model_validator(mode="after")
    def _can_be_paid(self, info: ValidationInfo) -> VersionFields:
        whole_file = context_of(info).value
        currency = self.currency or str(whole_file.get("currency"))
        rounding = self.rounding or whole_file.get("rounding")
        digits = rounding.digits if isinstance(rounding, RoundingFields) else _digits(rounding)
        if digits and currency_digits(currency) == 0:
            refuse(
                Broken((), f"{currency} has no smaller unit, and rounding has {digits} digits; say digits: 0")
            )
        return self

    @field_validator("prices", mode="after")
    @classmethod
    def _have_names(cls, prices: list[PriceFields]) -> list[PriceFields]:
        refuse(*_twice("price", [price.id or price.metric for price in prices]))
        return prices


def _digits(rounding: object) -> int:
    digits = rounding.get("digits") if isinstance(rounding, Mapping) else 0
    return digits if isinstance(digits, int) else 0


def _versions(value: object) -> object:
    if value is None:
        refuse(Broken((), "versions is missing"))
    if not isinstance(value, list) or not value:
        refuse(Broken((), f"versions {shown(value)} must be a list with at least one entry"))
    return value


def _in_order(versions: list[VersionFields]) -> list[VersionFields]:
    orders = (fault for earlier, later in pairwise(versions) for fault in _order(earlier, later))
    refuse(*orders, *_twice("version", [one.version for one in versions]))
    return versions


def _twice(kind: str, names: Iterable[str]) -> Iterator[Broken]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Broken((), f"{kind} {name} is there {count} times; each needs a name of its own")


def _order(earlier: VersionFields, later: VersionFields) -> Iterator[Broken]:
    both = f"versions {earlier.version} and {later.version}"
    if not earlier.valid_from < later.valid_from:
        yield Broken((), f"{both} must begin one after the other, the earlier first")
    elif earlier.valid_until is not None and earlier.valid_until != later.valid_from:
        kind = "overlap" if earlier.valid_until > later.valid_from else "leave a gap"
        ends = f"one is valid until {earlier.valid_until}, the next from {later.valid_from}"
        yield Broken((), f"{both} {kind}: {ends}")


def _plan_of_tariff(name: str, info: ValidationInfo) -> str:
    plans = context_of(info).plans
    if name not in plans:
        wrong(name, f"is not a plan of this tariff; it has {', '.join(plans) or 'none'}")
    return name


PlanName = Annotated[Text, AfterValidator(_plan_of_tariff)]


class AssignmentFields(Dated):
    """A plan of an account, from a month on."""

    plan: PlanName


class KeyFields(Dated):
    """A key of an account."""

    key: str

    @field_validator("key", mode="before")
    @classmethod
    def _can_be_one(cls, key: object) -> object:
        """An id, or the subject of a token: then the key that its calls are counted under."""
        try:
            if isinstance(key, str):
                return key_of_subject(key)
            fault = "ids are quoted texts"
        except ValueError as error:
            fault = str(error)
        refuse(Broken((), f"key {key!r} is not an API key id; {fault}"))
        return key


def _key_or_fields(value: object, info: ValidationInfo) -> KeyFields:
    """A key for good, or one with its time."""
    fields = value if isinstance(value, Mapping) else {"key": value}
    return KeyFields.model_validate(fields, context=info.context)


def _plan_or_plans(value: object) -> object:
    """One plan for good, or a list."""
    return [{"plan": value}] if isinstance(value, str) else filled(value)


def _assignments(plans: Sequence[AssignmentFields]) -> tuple[AccountPlan, ...]:
    """Plans in the order of time, each ended by the next."""
    starts = [one.valid_from for one in plans]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        refuse(Broken((), "assignments must begin one after the other, the earlier first"))
    for one, following in zip(plans, starts[1:], strict=False):
        if one.valid_until is not None and one.valid_until > following:
            rule = f"plan {one.plan} is valid until {one.valid_until}, and the next begins in {following}"
            refuse(Broken((), rule))
    ends = [one.valid_until or following for one, following in zip_longest(plans, starts[1:])]
    return tuple(
        AccountPlan(one.plan, Validity(one.valid_from, end)) for one, end in zip(plans, ends, strict=True)
    )


def _plans_in_order(plans: list[AssignmentFields]) -> list[AssignmentFields]:
    _assignments(plans)
    return plans


Plans = Annotated[list[AssignmentFields], BeforeValidator(_plan_or_plans), AfterValidator(_plans_in_order)]


class AccountFields(Dated):
    """An account."""

    keys: Annotated[list[Annotated[KeyFields, PlainValidator(_key_or_fields)]], Filled]
    plan: Plans
    stripe_customer: Text | None = None
    customer: PartyFields | None = None
    tax: list[TaxFields] | None = None


def _names_of_accounts(accounts: Mapping[str, AccountFields]) -> Mapping[str, AccountFields]:
    refuse(*_reserved(accounts), *_shared_keys(accounts))
    return accounts


def _reserved(names: Iterable[str]) -> Iterator[Broken]:
    for name in names:
        for reserved, use in RESERVED_ACCOUNTS.items():
            if name.startswith(reserved):
                yield Broken((name,), f"its name cannot begin with {reserved}, which names {use}")


def _shared_keys(accounts: Mapping[str, AccountFields]) -> Iterator[Broken]:
    owners: dict[str, list[tuple[str, Validity]]] = defaultdict(list)
    for name, account in accounts.items():
        for one in account.keys:
            owners[one.key].append((name, one.validity().within(account.validity())))
    for key, holders in owners.items():
        if any(one.overlaps(other) for (_, one), (_, other) in combinations(holders, 2)):
            names = ", ".join(name for name, _ in holders)
            rule = "it can be billed once only; say from when and until when each has it"
            yield Broken((), f"key {key} is listed {len(holders)} times ({names}); {rule}")


def _some(plans: object) -> object:
    if not plans:
        refuse(Broken((), "plans: a tariff needs at least one plan"))
    return plans


class TariffFields(Terms):
    """The whole file."""

    plans: Annotated[
        dict[str, Annotated[list[VersionFields], BeforeValidator(_versions), AfterValidator(_in_order)]],
        Entries,
        AfterValidator(_some),
    ]
    accounts: Annotated[dict[str, AccountFields], Entries, AfterValidator(_names_of_accounts)] = Field(
        default_factory=dict
    )
    default_plan: Plans = Field(default_factory=list)
    final_after: Annotated[int, whole(0, MOST_MONTHS)] = FINAL_AFTER
    invoices: InvoiceTermsFields | None = None
    meters: Annotated[dict[str, MeterFields], Entries] = Field(default_factory=dict)


def _tariff(fields: TariffFields) -> Tariff:
    plans = {name: tuple(_built(name, versions, fields)) for name, versions in fields.plans.items()}
    accounts = {name: _account(name, account) for name, account in fields.accounts.items()}
    return Tariff(
        plans,
        accounts,
        _assignments(fields.default_plan),
        fields.final_after,
        None if fields.invoices is None else invoice_terms(fields.invoices),
        further_meters(fields.meters),
    )


def _built(plan: str, versions: Sequence[VersionFields], above: Terms) -> Iterator[PlanVersion]:
    """The versions of a plan, each ended by the next."""
    for fields, later in zip(versions, [*versions[1:], None], strict=True):
        end = later.valid_from if later else fields.valid_until
        yield _version(plan, fields, above, end)


def _version(plan: str, fields: VersionFields, above: Terms, end: Period | None) -> PlanVersion:
    currency, rounding = fields.currency or above.currency, fields.rounding or above.rounding
    if currency is None or rounding is None:
        raise AssertionError(f"plan {plan} was read without a currency or a rounding")
    rule = fields.zero_month or above.zero_month
    prices = tuple(price.price(rule) for price in fields.prices)
    terms = (currency, rounding.rounding(), prices, fields.minimum, fields.maximum)
    return PlanVersion(plan, fields.version, fields.valid_from, end, *terms)


def _account(name: str, fields: AccountFields) -> Account:
    keys = tuple(Holding(one.key, one.validity()) for one in fields.keys)
    return Account(
        name,
        keys,
        _assignments(fields.plan),
        fields.validity(),
        fields.stripe_customer,
        None if fields.customer is None else fields.customer.party(),
        None if fields.tax is None else tuple(one.one() for one in fields.tax),
    )
