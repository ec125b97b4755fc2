"""Calls by endpoint as they are kept."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from metering.counters.breakdown import (
    MOST_ENDPOINTS,
    BreakdownIndex,
    EndpointCalls,
    KeyBreakdown,
    of_key,
    pages,
)
from metering.period import Period


def breakdown(key: str, endpoints: int) -> KeyBreakdown:
    """A key with calls of some endpoints."""
    return of_key(key, [EndpointCalls("GET", f"/{n}", 200, 1 + n) for n in range(endpoints)])


@given(st.dictionaries(st.text(min_size=1), st.integers(1, MOST_ENDPOINTS), max_size=40))
def test_every_key_is_on_the_page_that_the_index_names(sizes: dict[str, int]) -> None:
    """And on no other; a key that is nowhere is on none. Pages are as small as their rows allow."""
    found = list(pages(breakdown(key, sizes[key]) for key in sorted(sizes)))
    firsts = tuple(page.keys[0].key for page in found)
    index = BreakdownIndex(
        Period("2026-10"), "run", datetime(2026, 11, 1, tzinfo=UTC), firsts, breakdown("", 0)
    )
    for key in sizes:
        number = index.page_of(key)
        assert number is not None
        assert [number] == [n for n, page in enumerate(found) if key in {one.key for one in page.keys}]
    assert index.page_of("") is None
    assert len(found) <= 1 + sum(sizes.values()) // 2_000


def test_what_is_beyond_the_most_is_one_number() -> None:
    """No call is lost: the rarest endpoints are counted together."""
    found = breakdown("k", MOST_ENDPOINTS + 3)
    assert (MOST_ENDPOINTS, 1 + 2 + 3) == (len(found.endpoints), found.other_calls)
    assert f"/{MOST_ENDPOINTS + 2}" == found.endpoints[0].route
