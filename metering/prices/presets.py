"""Where peers disagree, by the peer's name, for those who move a price list from one of them.

The facts are those of the peers' own tests and documentation (November 2026). They differ in what a month
without units costs; the inclusive `up_to`, the flat fee for each tier reached, and packages begun are common
to all of them. Unkey, Zuplo and Autumn have no flat fee in their tables, so that such a month costs nothing
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from metering.prices.price import ZeroMonth

ZERO_MONTH_OF_PEER: Mapping[str, ZeroMonth] = MappingProxyType(
    {
        "lago": ZeroMonth.FIRST_TIER,
        "openmeter": ZeroMonth.FIRST_TIER,
        "stripemeter": ZeroMonth.NOTHING,
        "unkey": ZeroMonth.NOTHING,
        "zuplo": ZeroMonth.NOTHING,
        "autumn": ZeroMonth.NOTHING,
    }
)


def zero_month(name: str) -> ZeroMonth:
    """The semantics that a name stands for: a peer's, or its own.

    Raises ValueError with the names that are known.
    """
    if name in ZERO_MONTH_OF_PEER:
        return ZERO_MONTH_OF_PEER[name]
    if name in set(ZeroMonth):
        return ZeroMonth(name)
    known = ", ".join([*ZeroMonth, *ZERO_MONTH_OF_PEER])
    raise ValueError(f"{name!r} is not a zero-month rule; the rules are {known}")
