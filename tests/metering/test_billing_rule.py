"""Which calls are billed."""

from __future__ import annotations

import pytest

from metering.billing_rule import HIGHEST_STATUS, LOWEST_STATUS, BillingRule

ALL = range(LOWEST_STATUS, HIGHEST_STATUS + 1)


def test_the_usual_rule_exempts_throttled_calls_and_failures_of_ours() -> None:
    """Neither 429 nor 5xx is billed; every other status is."""
    expected = [status for status in ALL if status != 429 and status < 500]
    assert expected == [status for status in ALL if status not in BillingRule().exempt]


@pytest.mark.parametrize(
    ("text", "exempt"),
    [
        ("", set()),
        ("  ", set()),
        ("429", {429}),
        ("401, 403", {401, 403}),
        ("5XX", set(range(500, 600))),
        ("1xx,2xx,3xx,4xx,5xx", set(ALL)),
        ("500,5xx,500", set(range(500, 600))),
    ],
)
def test_exempt(text: str, exempt: set[int]) -> None:
    """Statuses and classes of statuses, in any number."""
    assert exempt == BillingRule(text).exempt


@pytest.mark.parametrize(
    "text", ["42", "4290", "6xx", "0xx", "x", "429,", ",", "429;500", "4x9", "-429", "٤٢٩"]
)
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    """With the part that is wrong, and what to write."""
    with pytest.raises(ValueError, match=r"is neither a status \(429\) nor a class of statuses \(5xx\)"):
        BillingRule(text)
