"""The rating against the integer oracle, over random tariffs.

`make test` runs a sample. USAGE_METER_TARIFFS=100000 runs as many tariffs as it says:

    USAGE_METER_TARIFFS=100000 python -m pytest tests/metering/prices/test_differential.py
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest

from metering.period import Period
from metering.prices.money import EXACT
from metering.prices.statement import KeyUsage, make_statement
from metering.prices.tariff import PlanVersion
from metering.prices.tariff_file import read_tariff
from metering.usage import Metric
from tests.examples import examples
from tests.metering.prices import oracle
from tests.metering.prices.random_tariffs import random_quantities, random_tariff

TARIFFS = int(os.environ.get("USAGE_METER_TARIFFS", examples(5000)))
MONTHS_PER_TARIFF = 2
SEEDS = 8
OCTOBER = Period("2026-10")


def split(quantities: dict[str, int]) -> list[KeyUsage]:
    """The quantities as the usage of two keys."""
    first = {metric: quantities[metric] // 3 for metric in Metric}
    second = {metric: quantities[metric] - first[metric] for metric in Metric}
    return [KeyUsage("k1", first, 1), KeyUsage("k2", second, 2)]


def check(document: dict[str, Any], version: PlanVersion, quantities: dict[str, int]) -> None:
    """Each line and the total equal the oracle's."""
    statement = make_statement("acme", OCTOBER, version, split(quantities))
    digits = document["rounding"]["digits"]
    written = document["plans"]["p"][0]
    expected = [
        oracle.line_amount(price, document, quantities[price["metric"]]) for price in written["prices"]
    ]
    assert expected == [EXACT.scaleb(line.amount, digits) for line in statement.lines], (document, quantities)
    total = oracle.month_total(written, document, expected)
    assert total == EXACT.scaleb(statement.total, digits), (document, quantities)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_agrees_with_the_integer_oracle(seed: int) -> None:
    """Random tariffs, at random quantities and at the edges of tiers, cost what integer arithmetic says."""
    random = Random(seed)
    for _ in range(-(-TARIFFS // SEEDS)):
        document = random_tariff(random)
        version = read_tariff(document).version("p", OCTOBER)
        for _ in range(MONTHS_PER_TARIFF):
            check(document, version, random_quantities(random, document))


@pytest.mark.parametrize("volume", [False, True])
def test_oracle_is_consistent(volume: bool) -> None:
    """The oracle's two ways of counting, unit by unit and in closed form, agree with each other."""
    random = Random(1)
    for _ in range(300):
        rows = [(2, 7, 5), (random.randint(3, 20), random.randint(0, 9), random.randint(0, 9)), (None, 3, 1)]
        units = random.randint(1, 60)
        assert oracle.unit_by_unit(rows, units, volume) == oracle.closed_form(rows, units, volume)
