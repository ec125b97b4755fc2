"""For each broken meter a world so small that its fault shows within a few steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from metering.billing_rule import BillingRule
from metering.counters.ledger_layout import LayoutSource
from metering.counters.ports import SliceId, SliceRegistry, Status
from simulation.exploration.small_world import FULL_PAGES, TWO_SLOTS, SmallShard, SmallWorld
from simulation.protocol.broken_meters import BROKEN
from simulation.protocol.invocation import BatchProcessor, InvocationEnvironment
from simulation.protocol.meter import Meter
from stream_processor.processor import Processor

MOST_STEPS: Final = 15
"""Of the shortest way to what a broken meter does wrong."""

_A, _B, _C = (0,), (1,), (2,)


def _of(*shards: tuple[tuple[int, ...], ...], **settings: object) -> SmallWorld:
    places = tuple(SmallShard(number, records) for number, records in enumerate(shards))
    return SmallWorld(places, **settings)  # type: ignore[arg-type]


_ONE: Final = _of((_A,), faults=1)
_TWO_RECORDS: Final = _of((_A, _B), faults=1)
_COPY: Final = _of((_A,), (_A,), faults=1)
_TWO_SHARDS: Final = _of((_A,), (_B,), faults=0)
_IN_SLICE_1: Final = SmallWorld((SmallShard(16, (_A,)),), faults=1)

SHOWN_BY: Final = {
    "no-condition": _ONE,
    "less-or-equal": _ONE,
    "first-record": _TWO_RECORDS,
    "batch-watermark": _of((_A, _B), faults=2, layout=TWO_SLOTS),
    "one-watermark": _TWO_SHARDS,
    "over-reshard": SmallWorld(
        (SmallShard(0, ()), SmallShard(1, (_A,), (0,)), SmallShard(2, (_B,), (0,))), faults=0
    ),
    "pruned": _of((_A,), (_B,), (_C,), faults=1),
    "ledger-less-or-equal": _COPY,
    "skipped-ledger": _COPY,
    "consulted-ledger": _of((_A, _B), (_B,), faults=0),
    "released-claims": _COPY,
    "forgetful-ledger": _of((_A,), (_A,), faults=1, days_pass=True),
    "page-by-page": _of((_A,), (_A,), faults=1, days_pass=True),
    "unsealed-pages": _of((_A, _B), (_A, _B), faults=0, layout=FULL_PAGES),
    "last-claim": _COPY,
    "own-claim-foreign": _ONE,
    "forced-retry": _ONE,
    "refused-is-done": _TWO_RECORDS,
    "past-unresolved": _of((_A, _B), faults=2, layout=TWO_SLOTS),
    "registered-afterwards": _IN_SLICE_1,
    "nothing-fails": _ONE,
    "highest-failure": _of((_A, _B), faults=2, keys=2),
    "registered-unanswered": _IN_SLICE_1,
}
"""By the name of a meter."""


class _TakenForRegistered:
    """The port `SliceRegistry`, which takes a registration without an answer for one that is made."""

    def __init__(self, slices: SliceRegistry) -> None:
        self._slices = slices

    def register(self, slices: Sequence[SliceId]) -> list[Status]:
        return [Status.WRITTEN for _ in self._slices.register(slices)]


def _unanswered(environment: InvocationEnvironment, layout: LayoutSource) -> BatchProcessor:
    slices = _TakenForRegistered(environment)
    return Processor(environment, slices, environment, environment, layout=layout, rule=BillingRule())


NEVER_DRAWN: Final = (
    Meter(
        "registered-unanswered",
        "a registration without an answer is taken for made",
        processor=_unanswered,
    ),
)
"""Broken meters that no seed of the protocol's simulation shows: its faults spare the registration."""

BROKEN_SMALL: Final = (*BROKEN, *NEVER_DRAWN)
