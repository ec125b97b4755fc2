"""A price from its mapping: see `reader` for the form of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from metering.prices.money import ZERO
from metering.prices.presets import zero_month
from metering.prices.price import (
    Metric,
    Model,
    Price,
    Tier,
    ZeroMonth,
    bounds_faults,
    ends_in_decimals,
    tier_faults,
)
from metering.prices.section import Section

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_price(value: object, number: int, above: Section, inherited: ZeroMonth | None) -> Price | None:
    """A price, or None when it has a fault. `number` is its place in the list, counted from 1."""
    name = value.get("id", value.get("metric", number)) if isinstance(value, Mapping) else number
    section = above.within(value, f"{above.place}, price {name}")
    faults_before = section.fault_count
    metric = section.choice("metric", Metric, Metric.REQUESTS)
    model = section.choice("model", Model, Model.FLAT)
    price_id = section.text("id", metric.value)
    tiers = _tiers(section, model)
    per, package_size = _unit(section, model)
    rule = section.named("zero_month", zero_month, inherited)
    free_units = section.whole("free_units", at_least=0, default=0)
    minimum, maximum = section.optional_amount("minimum"), section.optional_amount("maximum")
    section.close()
    _check_id(section, price_id)
    _check_bounds(section, minimum, maximum)
    _check_zero_month(section, rule, tiers, minimum)
    if section.fault_count > faults_before:
        return None
    return Price(price_id, metric, model, tiers, per, package_size, free_units, minimum, maximum,
                 zero_month=rule or ZeroMonth.NOTHING)  # fmt: skip


def _tiers(section: Section, model: Model) -> tuple[Tier, ...]:
    match model:
        case Model.FLAT:
            return (Tier(None, *_tier_prices(section)),)
        case Model.PACKAGE:
            return (Tier(None, section.amount("package_price"), ZERO),)
        case Model.GRADUATED | Model.VOLUME:
            return _tier_table(section)


def _unit(section: Section, model: Model) -> tuple[int, int]:
    if model is Model.PACKAGE:
        return 1, section.whole("package_size", at_least=1)
    per = section.whole("per", at_least=1, default=1)
    if not ends_in_decimals(per):
        section.fault(
            f"per {per} must be a product of twos and fives (like 1000 or 1048576), so that prices stay exact"
        )
    return per, 1


def _tier_table(section: Section) -> tuple[Tier, ...]:
    items = section.sequence("tiers")
    sections = [section.within(item, f"{section.place}, tier {n}") for n, item in enumerate(items, 1)]
    faults_before = section.fault_count
    bounds = [tier.whole("up_to", at_least=1) if tier.has("up_to") else None for tier in sections]
    starts = [tier.whole("from", at_least=0) if tier.has("from") else None for tier in sections]
    if sections and section.fault_count == faults_before:
        for fault in [*tier_faults(bounds), *_starts_faults(starts, bounds)]:
            section.fault(fault)
    prices = [_tier_prices(tier) for tier in sections]
    for tier in sections:
        tier.close()
    return tuple(
        Tier(bound, unit_price, flat_fee)
        for bound, (unit_price, flat_fee) in zip(bounds, prices, strict=True)
    )


def _starts_faults(starts: list[int | None], bounds: list[int | None]) -> list[str]:
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


def _tier_prices(section: Section) -> tuple[Decimal, Decimal]:
    if not section.has("unit_price") and not section.has("flat_fee"):
        section.fault('no unit_price and no flat_fee; free units say unit_price: "0"')
    return section.amount("unit_price", ZERO), section.amount("flat_fee", ZERO)


def _check_id(section: Section, price_id: str) -> None:
    if not _ID.fullmatch(price_id):
        section.fault(f"id {price_id!r} may hold letters, digits, and _ . - after the first")


def _check_bounds(section: Section, minimum: Decimal | None, maximum: Decimal | None) -> None:
    for fault in bounds_faults(minimum, maximum):
        section.fault(fault)


def _check_zero_month(
    section: Section, rule: ZeroMonth | None, tiers: tuple[Tier, ...], minimum: Decimal | None
) -> None:
    depends = minimum is not None or (bool(tiers) and tiers[0].flat_fee > 0)
    if depends and rule is None:
        section.fault(
            "says nothing about a month without units, and has a flat fee or a minimum; "
            f"write zero_month: {', '.join(ZeroMonth)}, or a peer's name such as lago"
        )
