from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.prices.price import InvalidPrice
from metering.prices.statement import Commitment, KeyUsage, make_statement
from metering.prices.tariff import NoPrice, PlanVersion
from metering.usage import Metric
from tests.metering.prices.builders import CENTS, OCTOBER, Document, acme_tariff, flat, price, used


@dataclass
class SomeTotals:
    """Anything that has the totals of a usage."""

    requests: int = 5
    billable: int = 4
    errors: int = 1
    response_bytes: int = 700
    request_bytes: int = 60
    fingerprint: int = 2**125

    def unknown_sizes(self, metric: Metric) -> int:
        """Of three requests the size is not known."""
        return 3 if metric is Metric.REQUEST_BYTES else 0


def version_of(*prices: Document, **fields: object) -> PlanVersion:
    """The version of acme's plan."""
    return acme_tariff(*prices, **fields).version("pro", OCTOBER)


def test_usage_from_totals() -> None:
    """A key's usage takes every metric that can be priced, and the fingerprint."""
    usage = KeyUsage.of("k1", SomeTotals())
    assert {
        Metric.REQUESTS: 5,
        Metric.BILLABLE: 4,
        Metric.ERRORS: 1,
        Metric.RESPONSE_BYTES: 700,
        Metric.REQUEST_BYTES: 60,
    } == (usage.quantities)
    assert 2**125 == usage.fingerprint
    assert {Metric.REQUEST_BYTES: 3} == usage.unknown_sizes


def test_keys_are_added_before_tiers() -> None:
    """Two keys of five calls are ten calls of the account: the first 10 cost 1 each, and not the first 5 of
    each key.
    """
    table: Document = {"metric": "requests", "model": "graduated",
             "tiers": [{"up_to": 6, "unit_price": 1}, {"unit_price": "0.5"}]}  # fmt: skip
    statement = make_statement("acme", OCTOBER, version_of(table), [used("k1", 5), used("k2", 5)])
    assert Decimal("8.00") == statement.total


def test_each_metric_has_its_line() -> None:
    """Every price takes the quantity of its own metric."""
    version = version_of(flat("1"), flat("2", "errors"), flat("0.5", "response_bytes"))
    usage = used("k1", 10, errors=3, response_bytes=100)
    assert [Decimal(10), Decimal(6), Decimal(50)] == [
        line.amount for line in make_statement("acme", OCTOBER, version, [usage]).lines
    ]


@pytest.mark.parametrize(
    ("requests", "commitment"),
    [
        (1, Commitment("minimum", Decimal("5.00"), Decimal("4.00"))),
        (5, None),
        (8, None),
        (9, Commitment("maximum", Decimal("8.00"), Decimal("-1.00"))),
    ],
)
def test_plan_bounds(requests: int, commitment: Commitment | None) -> None:
    """A plan's minimum and maximum hold for all lines together, and say what they add."""
    version = version_of(flat("1"), minimum="5", maximum="8")
    assert commitment == make_statement("acme", OCTOBER, version, [used("k1", requests)]).commitment


@given(st.permutations([used("k1", 3, 11), used("k2", 4, 22), used("k3", 5, 33)]))
def test_order_of_keys(keys: list[KeyUsage]) -> None:
    """The order in which keys arrive changes nothing, and the fingerprint is of all their calls."""
    statement = make_statement("acme", OCTOBER, version_of(), keys)
    assert make_statement("acme", OCTOBER, version_of(), sorted(keys, key=lambda u: u.key)) == statement
    assert 66 == statement.fingerprint


def test_refuses_a_key_twice() -> None:
    """A key that comes twice would be billed twice."""
    with pytest.raises(ValueError, match="account acme: a key comes twice in k1, k1"):
        make_statement("acme", OCTOBER, version_of(), [used("k1", 1), used("k1", 1)])


def test_no_version_for_the_month() -> None:
    """A month before the first version is refused, with the versions that are there."""
    with pytest.raises(NoPrice, match="plan pro has no version for 2026-10; it has v1 from 2027-01 on"):
        acme_tariff(flat(), valid_from="2027-01").version("pro", OCTOBER)


def test_digest_is_of_the_terms() -> None:
    """The digest changes with anything that decides an amount, and with nothing else."""
    digest = version_of(flat("0.50")).digest
    assert digest == version_of(flat("0.5"), name="other", valid_from="2025-01").digest
    others = [
        flat("0.51"),
        flat("0.5", "errors"),
        flat("0.5", per=10),
        flat("0.5", free_units=1),
        flat("0.5", flat_fee=1),
    ]
    assert len(others) + 1 == len({digest, *(version_of(other).digest for other in others)})


def test_a_version_checks_itself() -> None:
    """A version that is built in code is refused for the faults that a file would be refused for."""
    calls = price((None, "1", "0"))
    with pytest.raises(InvalidPrice, match=r"price calls is there 2 times; .* minimum 2 is above maximum 1"):
        PlanVersion("pro", "v1", OCTOBER, None, "EUR", CENTS, (calls, calls), Decimal(2), Decimal(1))
