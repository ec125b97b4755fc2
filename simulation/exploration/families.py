"""Which small worlds are explored: every way of sharing events, and one family for each kind of fault."""

from __future__ import annotations

from collections.abc import Iterator

from metering.counters.ledger_layout import LedgerLayout
from simulation.exploration.arrivals.families import ARRIVED, ARRIVED_SHORT
from simulation.exploration.changes.families import CHANGED, CHANGED_SHORT
from simulation.exploration.completeness.families import WATCHED, WATCHED_SHORT
from simulation.exploration.family import Family
from simulation.exploration.month_end.families import MONTH_END, MONTH_END_SHORT
from simulation.exploration.quotas.families import LIMITED, LIMITED_SHORT
from simulation.exploration.small_world import (
    FULL_PAGES,
    ONE_PAGE,
    TWO_SLOTS,
    SmallShard,
    SmallWorld,
    patterns,
)
from simulation.exploration.thresholds.families import REACHED, REACHED_SHORT


def _shared(*lengths: int, name: str, faults: int, layout: LedgerLayout = ONE_PAGE) -> tuple[SmallWorld, ...]:
    """A world for each way in which the records of some shards can share events."""
    return tuple(
        SmallWorld(
            tuple(SmallShard(number, records) for number, records in enumerate(shards)),
            layout=layout,
            faults=faults,
            name=name,
        )
        for shards in patterns(*lengths)
    )


_A, _B, _C, _D = (0,), (1,), (2,), (3,)
"""Records of one event each."""


def _families() -> Iterator[Family]:
    yield Family("one-shard", "3 records of one shard, 2 faults", _shared(3, name="one-shard", faults=2))
    yield Family("pair", "2 shards with a record each, 3 faults", _shared(1, 1, name="pair", faults=3))
    yield Family("square", "2 shards with 2 records each, 1 fault", _shared(2, 2, name="square", faults=1))
    yield Family(
        "full-pages",
        "2 shards with 2 records each, pages that one write fills, 1 fault",
        _shared(2, 2, name="full-pages", faults=1, layout=FULL_PAGES),
    )
    yield Family(
        "two-slots",
        "2 records of one shard whose claims lie in two items, 3 faults; 2 shards, 1 fault",
        (
            *_shared(2, name="two-slots", faults=3, layout=TWO_SLOTS),
            *_shared(2, 2, name="two-slots", faults=1, layout=TWO_SLOTS),
        ),
    )
    yield Family(
        "two-slices",
        "a shard that adds to slice 1 of the counters, alone and beside one of slice 0",
        (
            SmallWorld((SmallShard(16, (_A, _B)),), faults=2, name="two-slices"),
            SmallWorld((SmallShard(16, (_A,)), SmallShard(0, (_A, _B))), faults=1, name="two-slices"),
        ),
    )
    yield Family(
        "resharding",
        "a shard that was split, and two that were merged",
        (
            SmallWorld(
                (SmallShard(0, (_A,)), SmallShard(1, (_B,), (0,)), SmallShard(2, (_A, _C), (0,))),
                faults=1,
                name="resharding",
            ),
            SmallWorld(
                (SmallShard(0, (_A,)), SmallShard(1, (_B,)), SmallShard(2, (_A, _C), (0, 1))),
                faults=1,
                name="resharding",
            ),
        ),
    )
    yield Family(
        "three-shards",
        "a record in each of three shards, 1 fault",
        (
            SmallWorld(tuple(SmallShard(one, (_A,)) for one in range(3)), faults=1, name="three-shards"),
            SmallWorld(
                tuple(SmallShard(one, (record,)) for one, record in enumerate((_A, _B, _A))),
                faults=1,
                name="three-shards",
            ),
        ),
    )
    yield Family(
        "days-pass",
        "two days pass at any moment, and DynamoDB removes what has expired",
        (
            SmallWorld(
                (SmallShard(0, (_A, _B)), SmallShard(1, (_A,))), faults=2, days_pass=True, name="days-pass"
            ),
            SmallWorld(
                (SmallShard(0, (_A, _B)), SmallShard(1, (_B,))),
                layout=FULL_PAGES,
                faults=1,
                days_pass=True,
                name="days-pass",
            ),
        ),
    )
    yield Family(
        "given-up",
        "Lambda gives records up, which may come again by an older checkpoint",
        (
            SmallWorld((SmallShard(0, (_A, _B)),), faults=3, gives_up=True, name="given-up"),
            SmallWorld(
                (SmallShard(0, (_A, _B)), SmallShard(1, (_A,))), faults=2, gives_up=True, name="given-up"
            ),
        ),
    )
    yield Family(
        "several-events",
        "records of two events, which share one of them",
        (
            SmallWorld(
                (SmallShard(0, ((0, 1), (2,))), SmallShard(1, ((1, 2),))), faults=1, name="several-events"
            ),
        ),
    )
    yield Family(
        "deep-square", "2 shards with 2 records each, 2 faults", _shared(2, 2, name="deep-square", faults=2)
    )
    yield Family(
        "six-records", "2 shards with 3 records each, 1 fault", _shared(3, 3, name="six-records", faults=1)
    )


FAMILIES = {
    family.name: family
    for family in (*_families(), *LIMITED, *REACHED, *WATCHED, *ARRIVED, *CHANGED, *MONTH_END)
}

SHORT = (
    *("pair", "square", "full-pages", "two-slices", "resharding", "three-shards", "several-events"),
    *LIMITED_SHORT,
    *REACHED_SHORT,
    *WATCHED_SHORT,
    *ARRIVED_SHORT,
    *CHANGED_SHORT,
    *MONTH_END_SHORT,
)
"""What CI runs: less than two minutes on two processors."""
