"""Tariff files, and all that is refused in them."""

from __future__ import annotations

import inspect
from copy import deepcopy
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import Period
from metering.prices import tariff_file
from metering.prices.price import Model, Tier, ZeroMonth
from metering.prices.tariff import NoPrice
from metering.prices.tariff_file import InvalidTariff, read_tariff
from metering.strict_yaml import load_yaml
from metering.usage import Metric
from tests.metering.prices.builders import OCTOBER, Document, document, flat, tariff, version
from tests.metering.prices.random_tariffs import random_tariff


def faults_of(loaded: object) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(InvalidTariff) as refused:
        read_tariff(loaded)
    return list(refused.value.faults)


def price_faults(price: dict[str, object]) -> list[str]:
    """What is wrong with a file of one price, without the place that all share."""
    place = "plan pro, version v1, price requests"
    return [fault.removeprefix(place) for fault in faults_of(document({"pro": [version(price)]}))]


def graduated(*tiers: dict[str, object], **more: object) -> dict[str, object]:
    """A graduated price as it stands in a file."""
    return {"metric": "requests", "model": "graduated", "tiers": list(tiers), **more}


def test_reads_its_own_example() -> None:
    """The file that the module shows is a tariff."""
    example = inspect.getdoc(tariff_file) or ""
    read = read_tariff(load_yaml(example.split("```yaml\n")[1].split("```")[0]))
    calls, traffic, errors = read.version("pro", OCTOBER).prices
    assert (Metric.BILLABLE, Model.GRADUATED, ZeroMonth.FIRST_TIER, 1000) == (
        calls.metric, calls.model, calls.zero_month, calls.free_units,
    )  # fmt: skip
    assert (Tier(10000, Decimal("0.10"), Decimal(2)), Tier(None, Decimal("0.05"))) == calls.tiers
    assert ("traffic", 10**9) == (traffic.id, traffic.per)
    assert (Model.PACKAGE, 10, Decimal(100)) == (
        errors.model,
        errors.package_size,
        errors.tiers[0].unit_price,
    )
    assert "pro" == read.accounts["initech"].plan_in(Period("2026-11"))
    with pytest.raises(NoPrice, match="account initech has no plan in 2026-10; its first begins in 2026-11"):
        read.accounts["initech"].plan_in(OCTOBER)


@pytest.mark.parametrize("field", ["unit_price", "flat_fee", "minimum", "maximum"])
def test_money_is_never_a_float(field: str) -> None:
    """YAML's 0.1 is a float, and is refused with the way out."""
    price = {**flat(), field: 0.1}
    assert [f": {field} 0.1 is a float, which cannot hold every price; write it in quotes"] == price_faults(
        price
    )


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("-1", "is negative"),
        (-1, "is negative"),
        (True, "must be a decimal number in quotes"),
        ("1e3", "must be a decimal number in quotes"),
        ("1_000", "must be a decimal number in quotes"),
        ("NaN", "must be a decimal number in quotes"),
        ("Infinity", "must be a decimal number in quotes"),
        ("\u0661", "must be a decimal number in quotes"),
        (["1"], "must be a decimal number in quotes"),
        ("1." + "0" * 19, "has more than 18 digits"),
    ],
)
def test_refuses_as_money(written: object, fault: str) -> None:
    """Only plain decimals that are not negative are money."""
    [found] = price_faults(flat(unit_price=written))  # type: ignore[arg-type]
    assert fault in found


@pytest.mark.parametrize(("written", "amount"), [("0.10", "0.10"), (3, "3"), ("3", "3"), ("+1.5", "1.5")])
def test_takes_as_money(written: object, amount: str) -> None:
    """Quoted decimals and integers are money, digit for digit."""
    read = tariff({"pro": [version(flat(unit_price=written))]})  # type: ignore[arg-type]
    assert str(Decimal(amount)) == str(read.version("pro", OCTOBER).prices[0].tiers[0].unit_price)


@pytest.mark.parametrize(
    ("tiers", "fault"),
    [
        pytest.param(
            [{"up_to": 10, "unit_price": 1}, {"from": 13, "unit_price": 1}],
            ": tier 2 starts at 13, but tier 1 ends at 10: units 11 to 12 have no price (gap)",
            id="gap",
        ),
        pytest.param(
            [{"from": 3, "unit_price": 1}],
            ": tier 1 starts at 3: units 1 to 2 have no price (gap)",
            id="gap-at-start",
        ),
        pytest.param(
            [{"up_to": 10, "unit_price": 1}, {"from": 8, "unit_price": 1}],
            ": tier 2 starts at 8, but tier 1 ends at 10: units 8 to 10 have two prices (overlap)",
            id="overlap",
        ),
        pytest.param(
            [{"up_to": 10, "unit_price": 1}, {"up_to": 9, "unit_price": 1}, {"unit_price": 1}],
            ": tier 2 ends at 9, tier 1 at 10: they overlap; up_to must rise",
            id="falling",
        ),
        pytest.param(
            [{"up_to": 10, "unit_price": 1}],
            ": tier 1 is the last and ends at 10: later units have no price; leave out its up_to",
            id="no-open-tier",
        ),
        pytest.param(
            [{"up_to": 10, "unit_price": 1}, {"unit_price": "-0.5"}],
            ", tier 2: unit_price '-0.5' is negative",
            id="negative",
        ),
        pytest.param([{"up_to": 10, "unit_price": 1}, {}],
                     ', tier 2: no unit_price and no flat_fee; free units say unit_price: "0"',
                     id="no-price"),
        pytest.param([{"up_to": 1.5, "unit_price": 1}, {"unit_price": 1}],
                     f", tier 1: up_to 1.5 must be a whole number from 1 to {10**18}", id="broken-bound"),
        pytest.param([{"up_to": 5, "unit_prise": 1, "flat_fee": 1}, {"unit_price": 1}],
                     ", tier 1: 'unit_prise' is unknown here; known are flat_fee, from, unit_price, up_to",
                     id="misspelt"),
        pytest.param(["ten"], ", tier 1: must be a mapping, not 'ten'", id="no-mapping"),
        pytest.param([], ": tiers [] must be a list with at least one entry", id="empty"),
    ],
)  # fmt: skip
def test_refuses_a_tier(tiers: list[dict[str, object]], fault: str) -> None:
    """Gaps, overlaps, no last open tier and negative prices are refused with the number of the tier."""
    assert fault in price_faults(graduated(*tiers))


def test_lago_style_starts_join() -> None:
    """Tables that give the first unit of each tier may begin at 0 or 1."""
    rows: list[Document] = [{"from": 0, "up_to": 10, "unit_price": 1}, {"from": 11, "unit_price": 1}]
    assert {"pro"} == tariff({"pro": [version(graduated(*rows))]}).plans.keys()


@pytest.mark.parametrize(
    ("price", "fault"),
    [
        (flat(metric="calls"), "metric 'calls' is not one of requests, billable, errors, response_bytes"),
        ({"metric": "requests"}, "model is missing"),
        (flat(model="tiered"), "model 'tiered' is not one of flat, graduated, volume, package"),
        (flat(per=3), "per 3 must be a product of twos and fives"),
        (flat(per=0), "per 0 must be a whole number from 1"),
        (flat(free_units=-1), "free_units -1 must be a whole number from 0"),
        (flat(free_units=True), "free_units True must be a whole number from 0"),
        (flat(id="a b"), "id 'a b' may hold letters, digits"),
        (flat(minimum="2", maximum="1"), "minimum 2 is above maximum 1"),
        (flat(minimun="2"), "'minimun' is unknown here"),
        (flat(zero_month="lagoo"), "'lagoo' is not a zero-month rule"),
        ({"metric": "requests", "model": "package", "package_price": "1"}, "package_size is missing"),
    ],
)  # fmt: skip
def test_refuses_a_price(price: dict[str, object], fault: str) -> None:
    """Each fault of a price names the value and what is known."""
    assert any(fault in found for found in faults_of(document({"pro": [version(price)]})))


def test_zero_month_must_be_said() -> None:
    """A flat fee in the first tier, or a minimum, needs a word on months without units."""
    silent = {**document({"pro": [version(flat(), flat(id="fee", flat_fee="1"))]}), "zero_month": None}
    [fault] = faults_of(silent)
    assert fault.startswith("plan pro, version v1, price fee: says nothing about a month without units")


@pytest.mark.parametrize(
    ("versions", "fault"),
    [
        pytest.param(
            [
                version(flat(), name="a", valid_until="2026-06"),
                version(flat(), name="b", valid_from="2026-05"),
            ],
            "plan pro: versions a and b overlap: one is valid until 2026-06, the next from 2026-05",
            id="overlap",
        ),
        pytest.param(
            [
                version(flat(), name="a", valid_until="2026-06"),
                version(flat(), name="b", valid_from="2026-08"),
            ],
            "plan pro: versions a and b leave a gap: one is valid until 2026-06, the next from 2026-08",
            id="gap",
        ),
        pytest.param(
            [
                version(flat(), name="a", valid_from="2026-06"),
                version(flat(), name="b", valid_from="2026-05"),
            ],
            "plan pro: versions a and b must begin one after the other, the earlier first",
            id="order",
        ),
        pytest.param(
            [version(flat()), version(flat(), valid_from="2026-05")],
            "plan pro: version v1 is there 2 times; each needs a name of its own",
            id="name",
        ),
        pytest.param(
            [version(flat(), valid_until="2026-01")],
            "plan pro, version v1: valid_until 2026-01 is not after valid_from 2026-01; "
            "valid_until is exclusive",
            id="empty",
        ),
        pytest.param(
            [version(flat(), valid_from="2026-10-15")],
            "plan pro, version v1: valid_from: 2026-10-15 is not a month; write it as 2026-10 "
            "(a price changes on the first of a month only)",
            id="mid-month",
        ),
        pytest.param(
            [version(flat(), flat())],
            "plan pro, version v1: price requests is there 2 times; each needs a name of its own",
            id="same-price",
        ),
    ],
)
def test_refuses_versions(versions: list[dict[str, object]], fault: str) -> None:
    """Versions of a plan follow each other without gap or overlap, each with a name."""
    assert [fault] == faults_of(document({"pro": versions}))


MONTHS = ("2026-01", "2026-09", "2026-10", "2030-01")


def test_a_version_ends_where_the_next_begins() -> None:
    """The validity of a version need not be closed by hand; the first day of a month stands for it."""
    read = tariff({"pro": [version(flat(), name="a", valid_from="2026-01-01"),
                           version(flat(), name="b", valid_from="2026-10")]})  # fmt: skip
    found = [
        read.version("pro", Period(month)).version for month in ("2026-01", "2026-09", "2026-10", "2030-01")
    ]
    assert ["a", "a", "b", "b"] == found


@pytest.mark.parametrize(
    ("accounts", "fault"),
    [
        ({"a": {"keys": ["k"], "plan": "gold"}}, "account a: plan 'gold' is not a plan of this tariff"),
        ({"a": {"keys": ["k"], "plan": "pro"}, "b": {"keys": ["k"], "plan": "pro"}},
         "key k is listed 2 times (a, b); it can be billed once only"),
        ({"a": {"keys": [7], "plan": "pro"}}, "account a: key 7 is not an API key id"),
        ({"a": {"keys": ["-"], "plan": "pro"}}, "account a: key '-' is not an API key id"),
        ({"a": {"keys": ["!x"], "plan": "pro"}}, "account a: key '!x' is not an API key id"),
        ({"a": {"keys": [], "plan": "pro"}}, "account a: keys [] must be a list with at least one entry"),
        ({"a": {"keys": ["k"]}}, "account a: plan is missing"),
        ({"key:a": {"keys": ["k"], "plan": "pro"}}, "account key:a: its name cannot begin with key:"),
        ({7: {"keys": ["k"], "plan": "pro"}}, "7 must be a text"),
        ({"a": {"keys": ["k"], "plan": [{"plan": "pro", "valid_from": m} for m in ("2026-02", "2026-01")]}},
         "account a: assignments must begin one after the other"),
    ],
)  # fmt: skip
def test_refuses_an_account(accounts: dict[str, dict[str, object]], fault: str) -> None:
    """A key is billed once, by a plan that is there."""
    [found] = faults_of(document({"pro": [version(flat())]}, accounts))
    assert found.startswith(fault)


def test_names_every_fault_at_once() -> None:
    """All faults of a file come together, each with its place."""
    loaded = {
        "currency": "euro",
        "rounding": {"digits": 13, "mode": "bankers"},
        "plans": {"a": [version(graduated({"up_to": 1, "unit_price": 0.5}), name="x")], "b": None},
        "default_plan": "c",
        "plann": {},
    }
    assert {
        "currency: 'euro' is not a currency of three capital letters, like EUR",
        "rounding: digits 13 is above 12",
        "rounding: mode 'bankers' is not one of half_even, half_up, half_down, up, down",
        (
            "plan a, version x, price requests: tier 1 is the last and ends at 1: later units have no price; "
            "leave out its up_to"
        ),
        (
            "plan a, version x, price requests, tier 1: "
            "unit_price 0.5 is a float, which cannot hold every price; write it in quotes"
        ),
        "plan b: versions is missing",
        "default_plan 'c' is not a plan of this tariff; it has a, b",
        (
            "'plann' is unknown here; known are accounts, currency, default_plan, final_after, "
            "invoices, meters, plans, rounding, zero_month"
        ),
    } == set(faults_of(loaded))


@pytest.mark.parametrize("loaded", [None, [], "plans", 7])
def test_refuses_what_is_no_mapping(loaded: object) -> None:
    """An empty or scalar file is refused as such."""
    assert any("must be a mapping" in fault for fault in faults_of(loaded))


def leaves(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all scalars of a file."""
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, inner in enumerate(value) for leaf in leaves(inner, (*path, index))]
    return [path]


@given(
    st.integers(0, 2**32), st.sampled_from([None, 0.5, -1, "", [], {}, True, "x y", float("nan")]), st.data()
)
def test_no_damage_passes_or_crashes(seed: int, damage: object, data: st.DataObject) -> None:
    """Whatever stands in the place of a value, the file is read or refused; no float is ever read."""
    loaded: Any = deepcopy(random_tariff(Random(seed)))
    path = data.draw(st.sampled_from(leaves(loaded)))
    holder = loaded
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = damage
    try:
        read_tariff(loaded)
        read = True
    except InvalidTariff:
        read = False
    assert not (read and isinstance(damage, float))


def test_currency_and_rounding_must_be_said() -> None:
    """Neither has a default; what is missing is shown as it could be written."""
    silent = {**document({"pro": [version(flat())]}), "currency": None, "rounding": None}
    assert [
        "plan pro, version v1: no currency; say it here or for the whole tariff, like currency: EUR",
        (
            "plan pro, version v1: no rounding; say it here or for the whole tariff, "
            "like rounding: {digits: 2, mode: half_even}"
        ),
    ] == faults_of(silent)


@pytest.mark.parametrize(
    ("currency", "digits", "is_taken"), [("JPY", 0, True), ("JPY", 2, False), ("KWD", 3, True)]
)
def test_a_currency_has_its_digits(currency: str, digits: int, is_taken: bool) -> None:
    """A currency without a smaller unit is not rounded to one."""
    whole = document(
        {"pro": [version(flat())]}, currency=currency, rounding={"digits": digits, "mode": "half_up"}
    )
    own = document(
        {"pro": [version(flat(), currency=currency, rounding={"digits": digits, "mode": "half_up"})]}
    )
    for loaded in (whole, own):
        if is_taken:
            assert currency == read_tariff(loaded).version("pro", OCTOBER).currency
        else:
            assert [
                "plan pro, version v1: JPY has no smaller unit, and rounding has 2 digits; say digits: 0"
            ] == (faults_of(loaded))


def test_a_version_needs_its_fields() -> None:
    """A version without name, start or prices is named with all that it lacks and contradicts."""
    assert {
        "plan pro, version 1: version is missing",
        "plan pro, version 1: valid_from is missing",
        "plan pro, version 1: prices is missing",
        "plan pro, version 1: minimum 2 is above maximum 1",
    } == set(faults_of(document({"pro": [{"minimum": "2", "maximum": "1"}]})))
