"""Usage: the totals of a set of calls.

Usages of disjoint sets add up, in any order and grouping, and `NO_USAGE` changes nothing: a commutative
monoid. That is why batches may be cut anywhere and counters may be spread over items.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Metric(StrEnum):
    """The totals of a usage that can be limited and priced."""

    REQUESTS = "requests"
    """All calls, those too that were denied."""
    BILLABLE = "billable"
    """Calls that were served: a denied one is none of them."""
    ERRORS = "errors"
    RESPONSE_BYTES = "response_bytes"
    REQUEST_BYTES = "request_bytes"

    @property
    def is_of_calls(self) -> bool:
        """Whether a single call adds 1 at most."""
        return self in (Metric.REQUESTS, Metric.BILLABLE)


class Usage(msgspec.Struct, frozen=True, gc=False):
    """The totals of a set of calls, as integers."""

    requests: int = 0
    """Calls."""
    billable: int = 0
    """Calls that are billed: metered, and with a status that the rule does not exempt."""
    errors: int = 0
    """Calls answered with a status of 400 or above."""
    response_bytes: int = 0
    request_bytes: int = 0
    latency_ms: int = 0
    """The sum of the response latencies, in milliseconds."""
    fingerprint: int = 0
    """The sum of the event hashes: see :mod:`metering.calls.event_id`."""
    unknown_response_sizes: int = 0
    """Calls of which the size of the response is not known: they add nothing to `response_bytes`."""
    unknown_request_sizes: int = 0
    """Calls of which the size of the request is not known: they add nothing to `request_bytes`."""

    def unknown_sizes(self, metric: Metric) -> int:
        """The calls that add nothing to a metric of bytes because their size is not known; of another metric
        none.
        """
        match metric:
            case Metric.RESPONSE_BYTES:
                return self.unknown_response_sizes
            case Metric.REQUEST_BYTES:
                return self.unknown_request_sizes
            case _:
                return 0

    def __add__(self, other: Usage) -> Usage:
        """The usage of both sets, which share no call."""
        return Usage(
            self.requests + other.requests,
            self.billable + other.billable,
            self.errors + other.errors,
            self.response_bytes + other.response_bytes,
            self.request_bytes + other.request_bytes,
            self.latency_ms + other.latency_ms,
            self.fingerprint + other.fingerprint,
            self.unknown_response_sizes + other.unknown_response_sizes,
            self.unknown_request_sizes + other.unknown_request_sizes,
        )

    def __sub__(self, other: Usage) -> Usage:
        """What `other` lacks to this usage; totals may become negative. Used to name a difference."""
        return Usage(
            self.requests - other.requests,
            self.billable - other.billable,
            self.errors - other.errors,
            self.response_bytes - other.response_bytes,
            self.request_bytes - other.request_bytes,
            self.latency_ms - other.latency_ms,
            self.fingerprint - other.fingerprint,
            self.unknown_response_sizes - other.unknown_response_sizes,
            self.unknown_request_sizes - other.unknown_request_sizes,
        )


NO_USAGE = Usage()
TOTALS: tuple[str, ...] = Usage.__struct_fields__


def total(usages: Iterable[Usage]) -> Usage:
    """The usage of all the sets together."""
    result = NO_USAGE
    for usage in usages:
        result += usage
    return result
