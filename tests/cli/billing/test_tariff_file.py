"""Tariff files: what YAML would silently change is kept, or is a fault."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cli.billing.tariff_file import read_tariff_file
from metering.period import Period
from metering.prices.price import Model
from metering.prices.tariff import Tariff
from metering.prices.tariff_file import InvalidTariff

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "tariff.yaml"
TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
plans:
  pro:
    - version: v1
      valid_from: 2026-01-01
      prices: [{metric: requests, model: flat, unit_price: PRICE}]
accounts:
  acme: {keys: [k1], plan: pro}
"""


def read(text: str, folder: Path) -> Tariff:
    """The tariff in a file of this text."""
    path = folder / "tariff.yaml"
    path.write_text(text, encoding="utf-8")
    return read_tariff_file(path)


def faults(text: str, folder: Path) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(InvalidTariff) as refused:
        read(text, folder)
    return list(refused.value.faults)


def test_the_example_is_a_tariff() -> None:
    """docs/examples/tariff.yaml can be used, and shows every model."""
    tariff = read_tariff_file(EXAMPLE)
    prices = [price for plan in tariff.plans.values() for version in plan for price in version.prices]
    assert set(Model) == {price.model for price in prices}
    assert any(price.minimum for price in prices)
    assert any(price.maximum for price in prices)
    assert any(price.free_units for price in prices)
    assert "business" == tariff.accounts["initech"].plan_in(Period("2026-11"))


def test_the_page_shows_a_tariff(tmp_path: Path) -> None:
    """The file that docs/prices.md begins with can be used, and has the fault that it shows."""
    page = (EXAMPLE.parents[1] / "prices.md").read_text()
    assert ["acme"] == list(read(page.split("```yaml\n")[1].split("```")[0], tmp_path).accounts)
    tiers = "tiers: [{up_to: 10, unit_price: 1}, {from: 12, flat_fee: 1}]"
    price = f"id: calls, metric: requests, model: graduated, {tiers}"
    [fault] = faults(TARIFF.replace("metric: requests, model: flat, unit_price: PRICE", price), tmp_path)
    assert f"\n{fault}\n" in page


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("0.1", "0.1"),
        ("0.10000000000000000001", None),
        ("0.123456789012345678", "0.123456789012345678"),
        ("'0.1'", "0.1"),
        ("7", "7"),
        ("0.30000000000000004", "0.30000000000000004"),
    ],
)
def test_numbers_are_exact(written: str, amount: str | None, tmp_path: Path) -> None:
    """A price is what its digits say, in quotes or not; one with too many digits is a fault."""
    text = TARIFF.replace("PRICE", written)
    if amount is None:
        assert "has more than 18 digits" in faults(text, tmp_path)[0]
        return
    [version] = read(text, tmp_path).plans["pro"]
    assert Decimal(amount) == version.prices[0].tiers[0].unit_price


@pytest.mark.parametrize("written", ["1e3", "1.0e+3", ".inf", ".nan", "0x10", "010", "1:30", "1_000", "true"])
def test_what_yaml_reads_in_its_own_way_is_a_fault(written: str, tmp_path: Path) -> None:
    """Octal, sexagesimal, infinite: nothing but plain decimals is an amount."""
    [fault] = faults(TARIFF.replace("PRICE", written), tmp_path)
    assert fault.startswith("line 8, column 60: plan pro, version v1, price requests: unit_price ")


def test_names_stay_names(tmp_path: Path) -> None:
    """`no` and `on` are accounts and not truths; a key with a leading zero keeps it."""
    text = TARIFF.replace("PRICE", "1").replace("acme: {keys: [k1]", "no: {keys: [on, 0123, 1e5]")
    assert {"on": "no", "0123": "no", "1e5": "no"} == {
        key: owner.account.id for key, owner in read(text, tmp_path).owners_in(Period("2026-10")).items()
    }


def test_a_key_of_digits_needs_quotes(tmp_path: Path) -> None:
    """It would be a number; the fault says what to write."""
    text = TARIFF.replace("PRICE", "1").replace("[k1]", "[1234567890]")
    [fault] = faults(text, tmp_path)
    assert "key 1234567890 is not an API key id; ids are quoted texts" in fault


def test_keys_that_come_twice(tmp_path: Path) -> None:
    """YAML would keep the last one; here each is named with its place, among the other faults."""
    text = TARIFF.replace("PRICE", "-1") + "  acme: {keys: [k2], plan: pro}\ncurrency: USD\n"
    assert [
        "line 8, column 60: plan pro, version v1, price requests: unit_price -1 is negative",
        "line 11, column 3: 'acme' is there already, in line 10; keep one of them",
        "line 12, column 1: 'currency' is there already, in line 2; keep one of them",
    ] == faults(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "tariff.yaml, line 2, column 1: no YAML: did not find expected node content"),
        ("a: 1\n---\nb: 2", "tariff.yaml, line 2, column 1: a second document begins"),
        ("a: \x01", "tariff.yaml, no YAML: unacceptable character"),
        ("[" * 5000, "tariff.yaml, line 1, column 21: nested deeper than 20 levels"),
        ("", "must be a mapping, not null"),
        ("a: &x [*x]", "line 1, column 1: 'a' is unknown here"),
        ("a: &x [*x]", "line 1, column 8: the alias *x is not taken; write the value out"),
    ],
)
def test_no_tariff(text: str, fault: str, tmp_path: Path) -> None:
    """What is no YAML, or none that can be a tariff, is named with its place."""
    assert any(fault in one for one in faults(text, tmp_path))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file in another encoding says at which byte; a byte-order mark does no harm."""
    path = tmp_path / "tariff.yaml"
    path.write_bytes("# Müller\n".encode("latin-1"))
    with pytest.raises(InvalidTariff, match="is not UTF-8: byte 3; save it as UTF-8"):
        read_tariff_file(path)
    path.write_text("\ufeff" + TARIFF.replace("PRICE", "1"), encoding="utf-8")
    assert ["acme"] == list(read_tariff_file(path).accounts)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(InvalidTariff, match=r"nowhere\.yaml cannot be read: No such file"):
        read_tariff_file(tmp_path / "nowhere.yaml")
