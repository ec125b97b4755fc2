"""The fields of a price in a tariff file: see :mod:`metering.prices.tariff_file` for its form."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator, model_validator

from metering.prices.money import ZERO
from metering.prices.presets import zero_month
from metering.prices.price import Model, Price, Tier, ZeroMonth, bounds_faults, ends_in_decimals, tier_faults
from metering.strict_model import (
    Broken,
    Filled,
    Money,
    StrictModel,
    Text,
    choice,
    reading,
    refuse,
    shown,
    whole,
    wrong,
)
from metering.usage import Metric

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

ZeroMonthRule = Annotated[ZeroMonth, reading(zero_month)]


class TariffContext:
    """What the fields of a tariff file are read by, beside themselves."""

    def __init__(self, value: Mapping[str, object]) -> None:
        """`value` is the whole file."""
        plans = value.get("plans")
        self.value = value
        self.plans = tuple(map(str, plans)) if isinstance(plans, Mapping) else ()
        """The names of all plans."""
        self.given = frozenset(name for name, one in value.items() if one is not None)
        """The fields that hold for the whole tariff."""
        self.has_zero_month = "zero_month" in self.given
        """Whether the version that is being read says what a month without units costs."""


def context_of(info: ValidationInfo) -> TariffContext:
    """The context that :func:`metering.prices.tariff_file.read_tariff` gives."""
    if not isinstance(info.context, TariffContext):
        raise TypeError("a tariff file is read by read_tariff")
    return info.context


class Bounded(StrictModel):
    """What has a minimum and a maximum."""

    minimum: Money | None = None
    maximum: Money | None = None

    @field_validator("maximum", mode="after")
    @classmethod
    def _is_above(cls, maximum: Decimal | None, info: ValidationInfo) -> Decimal | None:
        faults = bounds_faults(info.data.get("minimum"), maximum)
        refuse(*(Broken((), fault) for fault in faults))
        return maximum


class TierFields(StrictModel):
    """A row of a tier table."""

    up_to: Annotated[int, whole(1)] | None = None
    first: Annotated[int, whole(0)] | None = Field(None, alias="from")
    unit_price: Money = ZERO
    flat_fee: Money = ZERO

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        return _priced(value)


class PriceFields(Bounded):
    """What the prices of all models have in common."""

    metric: Annotated[Metric, choice(Metric)]
    model: Annotated[Model, choice(Model)]
    id: Text | None = None
    zero_month: ZeroMonthRule | None = None
    free_units: Annotated[int, whole(0)] = 0

    @field_validator("id", mode="after")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not _ID.fullmatch(name):
            wrong(name, "may hold letters, digits, and _ . - after the first")
        return name

    @model_validator(mode="after")
    def _says_zero_month(self, info: ValidationInfo) -> PriceFields:
        depends = self.minimum is not None or self.table()[0].flat_fee > 0
        if depends and self.zero_month is None and not context_of(info).has_zero_month:
            sentence = (
                "says nothing about a month without units, and has a flat fee or a minimum; "
                f"write zero_month: {', '.join(ZeroMonth)}, or a peer's name such as lago"
            )
            refuse(Broken((), sentence))
        return self

    @abstractmethod
    def table(self) -> tuple[Tier, ...]:
        """The tiers."""

    def unit(self) -> tuple[int, int]:
        """Units that a price is for, and units of a package."""
        return 1, 1

    def price(self, inherited: ZeroMonth | None) -> Price:
        """The price, by the zero-month rule of the level above unless it has its own."""
        rule = self.zero_month or inherited or ZeroMonth.NOTHING
        name, terms = (
            self.id or self.metric.value,
            (*self.unit(), self.free_units, self.minimum, self.maximum),
        )
        return Price(name, self.metric, self.model, self.table(), *terms, zero_month=rule)


class PerUnits(PriceFields):
    """A price for a number of units."""

    per: Annotated[int, whole(1)] = 1

    @field_validator("per", mode="after")
    @classmethod
    def _is_exact(cls, per: int) -> int:
        if not ends_in_decimals(per):
            wrong(
                per, "must be a product of twos and fives (like 1000 or 1048576), so that prices stay exact"
            )
        return per

    def unit(self) -> tuple[int, int]:
        return self.per, 1


class FlatPrice(PerUnits):
    """One unit price and one monthly fee."""

    unit_price: Money = ZERO
    flat_fee: Money = ZERO

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        return _priced(value)

    def table(self) -> tuple[Tier, ...]:
        return (Tier(None, self.unit_price, self.flat_fee),)


class TieredPrice(PerUnits):
    """A table of tiers."""

    tiers: Annotated[list[TierFields], Filled]

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        rows = value.get("tiers")
        tiers = [one for one in rows if isinstance(one, Mapping)] if isinstance(rows, list) else []
        bounds, starts = ([tier.get(name) for tier in tiers] for name in ("up_to", "from"))
        if tiers and tiers == rows and all(map(_can_be_unit, (*bounds, *starts))):
            yield from (
                Broken(("tiers",), fault) for fault in (*tier_faults(bounds), *_starts_faults(starts, bounds))
            )

    def table(self) -> tuple[Tier, ...]:
        return tuple(Tier(tier.up_to, tier.unit_price, tier.flat_fee) for tier in self.tiers)


class PackagePrice(PriceFields):
    """A price for each package that is begun."""

    package_price: Money
    package_size: Annotated[int, whole(1)]

    def table(self) -> tuple[Tier, ...]:
        return (Tier(None, self.package_price, ZERO),)

    def unit(self) -> tuple[int, int]:
        return 1, self.package_size


_FIELDS_OF: Final[Mapping[object, type[PriceFields]]] = {
    Model.FLAT: FlatPrice,
    Model.PACKAGE: PackagePrice,
    Model.GRADUATED: TieredPrice,
    Model.VOLUME: TieredPrice,
}


def price_fields(value: object, info: ValidationInfo) -> PriceFields:
    """The fields of a price, by its model."""
    if not isinstance(value, Mapping):
        refuse(Broken((), f"must be a mapping, not {shown(value)}"))
    model = value.get("model") if isinstance(value, Mapping) else None
    if not isinstance(model, str) or model not in _FIELDS_OF:
        rule = (
            "model is missing" if model is None else f"model {shown(model)} is not one of {', '.join(Model)}"
        )
        refuse(Broken(("model",), rule))
    return _FIELDS_OF[model].model_validate(value, context=info.context)


def _can_be_unit(bound: object) -> bool:
    return bound is None or (isinstance(bound, int) and not isinstance(bound, bool) and bound >= 0)


def _priced(value: Mapping[str, object]) -> Iterable[Broken]:
    if "unit_price" not in value and "flat_fee" not in value:
        yield Broken((), 'no unit_price and no flat_fee; free units say unit_price: "0"')


def _starts_faults(starts: Sequence[int | None], bounds: Sequence[int | None]) -> list[str]:
    """What is wrong with the first units of tiers, where the table gives them: they must join."""
    faults = []
    if starts[0] is not None and starts[0] > 1:
        faults.append(f"tier 1 starts at {starts[0]}: units 1 to {starts[0] - 1} have no price (gap)")
    for number, (start, ended) in enumerate(zip(starts[1:], bounds, strict=False), 2):
        if start is None or ended is None or start == ended + 1:
            continue
        both = f"tier {number} starts at {start}, but tier {number - 1} ends at {ended}"
        gap = f"units {ended + 1} to {start - 1} have no price (gap)"
        faults.append(
            f"{both}: {gap if start > ended else f'units {start} to {ended} have two prices (overlap)'}"
        )
    return faults
