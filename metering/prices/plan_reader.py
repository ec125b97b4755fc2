"""A plan with its dated versions from the mapping: see `reader` for the form of the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from metering.prices.money import Rounding, RoundingMode
from metering.prices.month import Month
from metering.prices.presets import zero_month
from metering.prices.price import ZeroMonth, bounds_faults
from metering.prices.price_reader import read_price
from metering.prices.section import Section
from metering.prices.tariff import PlanVersion

_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_ROUNDING_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a plan version takes from the level above unless it says otherwise. None: nobody has said."""

    currency: str | None = None
    rounding: Rounding | None = None
    zero_month: ZeroMonth | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """A version as far as it could be read; `built` is None when it has a fault."""

    name: str
    start: Month
    end: Month | None
    built: PlanVersion | None


def read_defaults(section: Section, above: Defaults) -> Defaults:
    """Currency, rounding and zero-month rule of a level, each taken from the level above where it says
    nothing.
    """
    return Defaults(
        section.named("currency", _currency, above.currency),
        _rounding(section) if section.has("rounding") else above.rounding,
        section.named("zero_month", zero_month, above.zero_month),
    )


def read_plan(name: str, value: object, above: Section, defaults: Defaults) -> tuple[PlanVersion, ...]:
    """The versions of a plan that have no fault. Each ends where the next begins."""
    holder = above.within({"versions": value}, f"plan {name}")
    items = enumerate(holder.sequence("versions"), 1)
    versions = [_version(name, number, item, holder, defaults) for number, item in items]
    for earlier, later in pairwise(versions):
        if earlier.start and later.start:
            _check_order(holder, earlier, later)
    _check_unique(holder, "version", [version.name for version in versions if version.name])
    return _ended([version.built for version in versions if version.built])


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError(f"{text!r} is not a currency of three capital letters, like EUR")
    return text


def _rounding(section: Section) -> Rounding:
    inner = section.mapping("rounding", f"{section.place}, rounding" if section.place else "rounding")
    digits = inner.whole("digits", at_least=0)
    mode = inner.choice("mode", RoundingMode, RoundingMode.HALF_EVEN)
    if digits > _MAX_ROUNDING_DIGITS:
        inner.fault(f"digits {digits} is above {_MAX_ROUNDING_DIGITS}")
    inner.close()
    return Rounding(digits, mode)


def _version(plan: str, number: int, value: object, above: Section, defaults: Defaults) -> _Read:
    name = value.get("version", number) if isinstance(value, Mapping) else number
    section = above.within(value, f"plan {plan}, version {name}")
    faults_before = section.fault_count
    own = read_defaults(section, defaults)
    read = _Read(section.text("version"), section.month("valid_from"), _end(section), None)
    minimum, maximum = section.optional_amount("minimum"), section.optional_amount("maximum")
    items = enumerate(section.sequence("prices"), 1)
    prices = [price for n, item in items if (price := read_price(item, n, section, own.zero_month))]
    section.close()
    _check_validity(section, read)
    _check_unique(section, "price", [price.id for price in prices])
    for fault in bounds_faults(minimum, maximum):
        section.fault(fault)
    _check_complete(section, own)
    if own.currency is None or own.rounding is None or section.fault_count > faults_before:
        return read
    terms = (own.currency, own.rounding, tuple(prices), minimum, maximum)
    return replace(read, built=PlanVersion(plan, read.name, read.start, read.end, *terms))


def _end(section: Section) -> Month | None:
    return section.month("valid_until") if section.has("valid_until") else None


def _check_validity(section: Section, read: _Read) -> None:
    if read.start and read.end and read.end <= read.start:
        section.fault(
            f"valid_until {read.end} is not after valid_from {read.start}; valid_until is exclusive"
        )


def _check_complete(section: Section, own: Defaults) -> None:
    if own.currency is None:
        section.fault("no currency; say it here or for the whole tariff, like currency: EUR")
    if own.rounding is None:
        example = "rounding: {digits: 2, mode: half_even}"
        section.fault(f"no rounding; say it here or for the whole tariff, like {example}")


def _check_unique(section: Section, kind: str, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            section.fault(f"{kind} {name} is there {count} times; each needs a name of its own")


def _check_order(section: Section, earlier: _Read, later: _Read) -> None:
    both = f"versions {earlier.name} and {later.name}"
    if not earlier.start < later.start:
        section.fault(f"{both} must begin one after the other, the earlier first")
    elif earlier.end is not None and earlier.end != later.start:
        kind = "overlap" if earlier.end > later.start else "leave a gap"
        section.fault(f"{both} {kind}: one is valid until {earlier.end}, the next from {later.start}")


def _ended(versions: Sequence[PlanVersion]) -> tuple[PlanVersion, ...]:
    """The versions in order, each closed by the next."""
    closed = (replace(earlier, valid_until=later.valid_from) for earlier, later in pairwise(versions))
    return (*closed, *versions[-1:])
