"""Which worlds of thresholds are explored, and for each broken variant one so small that its fault shows."""

from __future__ import annotations

from typing import Final

from simulation.exploration.family import Family
from simulation.exploration.thresholds.thresholds_world import ThresholdShard, ThresholdsWorld

_NAME: Final = "thresholds"

_ONE: Final = (ThresholdShard(0, ("s",)),)
_TWO_RECORDS: Final = (ThresholdShard(0, ("s", "s")),)
_TWO_SLICES: Final = (ThresholdShard(0, ("s",)), ThresholdShard(16, ("s",)))
_ONE_SLICE: Final = (ThresholdShard(0, ("s",)), ThresholdShard(1, ("s",)))
_TWO_KEYS: Final = (ThresholdShard(0, ("s", "f")),)
_TWO_KEYS_APART: Final = (ThresholdShard(0, ("s",)), ThresholdShard(1, ("f",)))

REACHED: Final = (
    Family(
        _NAME,
        "one or two shards, a key or an account of two, thresholds that they reach; up to 3 faults",
        (
            ThresholdsWorld(_ONE, amount=1, faults=3, name=_NAME),
            ThresholdsWorld(_TWO_RECORDS, thresholds=(50, 100), faults=2, name=_NAME),
            ThresholdsWorld(_TWO_KEYS, is_shared=True, faults=2, name=_NAME),
            ThresholdsWorld(_ONE_SLICE, faults=2, name=_NAME),
            ThresholdsWorld(_ONE_SLICE, amount=1, faults=1, name=_NAME),
            ThresholdsWorld(_ONE_SLICE, amount=1, faults=0, name=_NAME),
            ThresholdsWorld(_TWO_SLICES, faults=1, name=_NAME),
            ThresholdsWorld(_TWO_SLICES, faults=0, name=_NAME),
            ThresholdsWorld(_TWO_KEYS_APART, is_shared=True, faults=1, name=_NAME),
        ),
    ),
)

REACHED_SHORT: Final = (_NAME,)
"""What CI runs of them."""

THRESHOLDS_SHOWN_BY: Final = {
    "thresholds-refusals": ThresholdsWorld(_ONE, amount=1, faults=1),
    "thresholds-one-slice": ThresholdsWorld(_TWO_SLICES),
    "thresholds-marked-first": ThresholdsWorld(_ONE, amount=1),
    "thresholds-not-repeated": ThresholdsWorld(_ONE, amount=1, faults=1),
    "thresholds-not-kept": ThresholdsWorld(_ONE, amount=1, faults=1),
    "thresholds-one-key": ThresholdsWorld(_TWO_KEYS, is_shared=True),
    "thresholds-claim-trusted": ThresholdsWorld(_ONE_SLICE, faults=1),
}
"""By the name of a broken watch."""
