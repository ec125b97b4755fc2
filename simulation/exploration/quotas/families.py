"""Which worlds of limits are explored: a family for each kind of fault, each with three leases or more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from simulation.exploration.family import Family
from simulation.exploration.quotas.quota_world import (
    EXPIRED,
    LATER,
    MIDNIGHT,
    NOON,
    SETTLED,
    LimitedWorld,
    QuotaFault,
)

_KILLED: Final = (QuotaFault.UNANSWERED, QuotaFault.KILLED)
_ALL_BUT_GIVEN_UP: Final = (*_KILLED, QuotaFault.CLOCK)


def _families() -> Iterator[Family]:
    yield _family(
        "quotas-key",
        "a limit of 2, 3 calls: when leases expire, and when they have come back; 2 faults",
        LimitedWorld(amount=2, calls=3, times=(NOON, EXPIRED, SETTLED), faults=2, kinds=_KILLED),
    )
    yield _family(
        "quotas-recount",
        "a lease or two of authorizers that have ended, and two that recount; clocks that are set",
        LimitedWorld(amount=2, calls=3, times=(SETTLED, LATER), ended=1, kinds=_ALL_BUT_GIVEN_UP),
        LimitedWorld(amount=2, calls=3, times=(SETTLED, SETTLED + 10, LATER), ended=2, kinds=_KILLED),
    )
    yield _family(
        "quotas-account",
        "an account with two keys: its limit, and those of its keys beside it",
        LimitedWorld(amount=2, calls=3, times=(NOON, SETTLED), of_account=True, kinds=_KILLED),
        LimitedWorld(amount=2, calls=2, times=(NOON, SETTLED), of_account=True, of_key=1, kinds=_KILLED),
    )
    yield _family(
        "quotas-midnight",
        "the day of the limit ends, by clocks that are set",
        LimitedWorld(
            amount=2, calls=3, times=(MIDNIGHT - 5, MIDNIGHT - 1, MIDNIGHT + 1), kinds=_ALL_BUT_GIVEN_UP
        ),
    )
    yield _family(
        "quotas-given-up",
        "calls in batches that Lambda gives up",
        LimitedWorld(
            amount=1, calls=3, times=(NOON, SETTLED), faults=2, kinds=(QuotaFault.KILLED, QuotaFault.GIVEN_UP)
        ),
    )
    yield _family(
        "quotas-clocks",
        "a limit of 2, 3 calls at four times, clocks that are set",
        LimitedWorld(
            amount=2, calls=3, times=(NOON, EXPIRED, SETTLED, LATER), faults=1, kinds=_ALL_BUT_GIVEN_UP
        ),
    )
    yield _family(
        "quotas-large-leases",
        "leases of two calls: one authorizer under 3 faults, two under 1",
        LimitedWorld(
            amount=9,
            calls=4,
            times=(NOON, EXPIRED),
            faults=3,
            kinds=(QuotaFault.UNANSWERED, QuotaFault.CLOCK),
            authorizers=1,
            reserve_from=100,
        ),
        LimitedWorld(amount=9, calls=3, times=(NOON, EXPIRED), kinds=_ALL_BUT_GIVEN_UP, reserve_from=100),
    )
    yield _family(
        "quotas-four-leases",
        "a limit of 3, 4 calls at four times, no fault",
        LimitedWorld(amount=3, calls=4, times=(NOON, EXPIRED, SETTLED, LATER), faults=0),
    )


def _family(name: str, meaning: str, *worlds: LimitedWorld) -> Family:
    return Family(name, meaning, tuple(replace(world, name=name) for world in worlds))


LIMITED: Final = tuple(_families())

LIMITED_SHORT: Final = (
    "quotas-key",
    "quotas-recount",
    "quotas-account",
    "quotas-midnight",
    "quotas-given-up",
)
"""What CI runs of them."""
