"""What a running month costs so far, and what it comes to at this pace."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.prices.month_to_date import RunningMonth, running_month
from tests.metering.prices.builders import acme_tariff, flat, month_usage, tariff, used, version


def cost(now: datetime, requests: int = 300) -> tuple[str, str]:
    """Acme's October to date and projected, a euro a call, and ten a month."""
    read = acme_tariff(flat("1", flat_fee="10", zero_month="first_tier"))
    [one] = running_month(read, month_usage(used("k1", requests)), now).costs
    return str(one.to_date.total), str(one.projected.total)


@pytest.mark.parametrize(
    ("now", "projected"),
    [
        (datetime(2026, 10, 11, 8, tzinfo=UTC), "910.00"),
        (datetime(2026, 10, 31, 12, tzinfo=UTC), "315.00"),
        (datetime(2026, 11, 1, tzinfo=UTC), "310.00"),
        (datetime(2026, 12, 5, tzinfo=UTC), "310.00"),
    ],
)
def test_goes_on_as_it_went(now: datetime, projected: str) -> None:
    """The usage is projected and priced as a whole month, so that a monthly fee is paid once; calls that are
    begun count. A month that is over stays as it is.
    """
    assert ("310.00", projected) == cost(now)


def test_at_the_very_beginning() -> None:
    """The first instant of a month divides by nothing."""
    assert ("10.00", "10.00") == cost(datetime(2026, 10, 1, tzinfo=UTC), requests=0)


def test_what_nobody_pays_for() -> None:
    """Keys without an account are listed; with a default plan they are accounts of their own."""

    def found(**more: object) -> RunningMonth:
        read = tariff({"pro": [version(flat())]}, {}, **more)
        return running_month(read, month_usage(used("k9", 4)), datetime(2026, 10, 16, 12, tzinfo=UTC))

    assert [("k9",)] == [entry.keys for entry in found().unpriced]
    assert [("key:k9", "4.00", "8.00")] == [
        (one.to_date.account, str(one.to_date.total), str(one.projected.total))
        for one in found(default_plan="pro").costs
    ]
