"""Usage is a commutative monoid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import NO_USAGE, TOTALS, Usage, total

AMOUNTS = st.integers(0, 2**126)
USAGES = st.builds(Usage, **dict.fromkeys(TOTALS, AMOUNTS))


def test_totals() -> None:
    """The seven that are stored, compared and billed, in their order."""
    expected = (
        "requests",
        "billable",
        "errors",
        "response_bytes",
        "request_bytes",
        "latency_ms",
        "fingerprint",
        "unknown_response_sizes",
        "unknown_request_sizes",
    )
    assert expected == TOTALS


@pytest.mark.parametrize("name", TOTALS)
def test_each_total_is_added_to_itself(name: str) -> None:
    """None is forgotten or mixed up with another."""
    assert Usage(**{name: 12}) == Usage(**{name: 5}) + Usage(**{name: 7})
    assert Usage(**{name: 5}) == Usage(**{name: 12}) - Usage(**{name: 7})


@given(USAGES, USAGES, USAGES)
def test_addition_is_associative(a: Usage, b: Usage, c: Usage) -> None:
    """Batches may be cut anywhere."""
    assert (a + b) + c == a + (b + c)


@given(USAGES, USAGES)
def test_addition_is_commutative(a: Usage, b: Usage) -> None:
    """Batches may come in any order."""
    assert a + b == b + a


@given(USAGES)
def test_no_usage_changes_nothing(usage: Usage) -> None:
    """On either side."""
    assert usage == usage + NO_USAGE == NO_USAGE + usage


@given(USAGES, USAGES)
def test_subtraction_undoes_addition(a: Usage, b: Usage) -> None:
    """The difference between two sets, one within the other, is the rest."""
    assert a == a + b - b
    assert NO_USAGE == a - a


@given(st.lists(USAGES), st.data())
def test_total_hangs_on_no_cut(usages: list[Usage], data: st.DataObject) -> None:
    """The totals of any two parts, in any order, add up to the total."""
    cut = data.draw(st.integers(0, len(usages)))
    assert total(usages) == total(usages[cut:]) + total(usages[:cut])


def test_total_of_nothing() -> None:
    """No usage."""
    assert NO_USAGE == total([])
