"""The busiest keys."""

from local_cloud.demo.busiest import BusiestKeys
from metering.counters.ports import Increment
from metering.period import Period
from metering.usage import NO_USAGE, Usage
from tests.factories import SHARD

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")


def counter(
    key: str, requests: int, period: Period = OCTOBER, slice_number: int = 0
) -> tuple[Increment, Usage]:
    """An increment and what its counter holds after it."""
    return Increment(key, period, slice_number, SHARD, 1, 1, NO_USAGE, {}), Usage(requests=requests)


def test_the_busiest_come_first() -> None:
    """Over months and slices; keys that are equal come in the order of their names."""
    busiest = BusiestKeys()
    busiest.note([counter("a", 4), counter("b", 1), counter("c", 9)])
    busiest.note([counter("b", 2, NOVEMBER), counter("b", 1, NOVEMBER, slice_number=1), counter("d", 1)])

    assert [("c", 9), ("a", 4), ("b", 4)] == busiest.top(3)


def test_the_latest_total_holds() -> None:
    """Answers may come out of order, and a counter never shrinks."""
    busiest = BusiestKeys()
    busiest.note([counter("a", 4), counter("a", 7), counter("a", 5)])

    assert [("a", 7)] == busiest.top(3)


def test_only_months_of_keys_count() -> None:
    """Days are in their month, and the reserved keys are no keys."""
    busiest = BusiestKeys()
    busiest.note([counter("a", 4, Period("2026-10-31")), counter("-", 5), counter("!malformed", 6)])

    assert [] == busiest.top(3)
