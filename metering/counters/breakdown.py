"""The calls of each key in a month by endpoint and status, as they are kept: pages of keys and an index.

The keys are in order, and a page holds some of them, so that the calls of one key are found by two reads
however many keys there are. Counters know no endpoints: this comes from the lake, once a day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from metering.period import Period

MOST_ENDPOINTS: Final = 200
"""Endpoints and statuses that are kept of a key; the calls of all others are one number."""
ROWS_OF_A_PAGE: Final = 2_000
"""About 100 KB."""


class EndpointCalls(msgspec.Struct, frozen=True, array_like=True):
    """Calls of one endpoint that were answered with one status."""

    method: str
    """Empty where the line does not say it."""
    route: str
    """As the API defines it: `/orders/{id}`; empty where the line does not say it."""
    status: int
    calls: int


class KeyBreakdown(msgspec.Struct, frozen=True):
    """The calls of one key, the most frequent first."""

    key: str
    endpoints: tuple[EndpointCalls, ...]
    other_calls: int = 0
    """Calls of further endpoints, which are not listed."""


class BreakdownPage(msgspec.Struct, frozen=True):
    """Some keys, in order."""

    keys: tuple[KeyBreakdown, ...]


class BreakdownIndex(msgspec.Struct, frozen=True):
    """Which page of a run holds which keys, and the calls of all keys together."""

    month: Period
    run_id: str
    until: datetime
    """The lake's calls before are in the numbers, and none after."""
    first_keys: tuple[str, ...]
    """The first key of each page."""
    total: KeyBreakdown
    """Of all keys, and of calls without one; its key is empty."""

    def page_of(self, key: str) -> int | None:
        """The number of the page that holds a key if any does."""
        place = bisect_right(self.first_keys, key)
        return place - 1 if place else None


def of_key(key: str, calls: Iterable[EndpointCalls]) -> KeyBreakdown:
    """The calls of a key, the most frequent first; what goes beyond :data:`MOST_ENDPOINTS` is one number."""
    ordered = sorted(calls, key=lambda one: (-one.calls, one.route, one.method, one.status))
    rest = sum(one.calls for one in ordered[MOST_ENDPOINTS:])
    return KeyBreakdown(key, tuple(ordered[:MOST_ENDPOINTS]), rest)


def pages(keys: Iterable[KeyBreakdown]) -> Iterator[BreakdownPage]:
    """The keys, which come in order, on pages of some :data:`ROWS_OF_A_PAGE`."""
    page: list[KeyBreakdown] = []
    rows = 0
    for one in keys:
        page.append(one)
        rows += len(one.endpoints)
        if rows >= ROWS_OF_A_PAGE:
            yield BreakdownPage(tuple(page))
            page, rows = [], 0
    if page:
        yield BreakdownPage(tuple(page))
