"""Broken watches of thresholds. Each breaks one rule of :mod:`stream_processor.thresholds`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from metering.counters.ports import Status
from metering.quotas.decision import Counted
from metering.quotas.ports import SharedPlan
from stream_processor.threshold_finder import Found, ThresholdFinder
from stream_processor.thresholds import LimitReport, LimitWatch


@dataclass(frozen=True, slots=True)
class ThresholdMeter:
    """The part of a meter that publishes thresholds."""

    name: str = "shipped"
    breaks: str = "nothing"
    watch: type[LimitWatch] = LimitWatch


SHIPPED_THRESHOLDS: Final = ThresholdMeter()


class _DeafToRefusals(LimitWatch):
    """Takes what a refused increment finds for somebody else's business."""

    def look(self, found: Sequence[Found], shard_id: str = "") -> LimitReport:
        """Of increments that were written."""
        return super().look([pair for pair in found if pair[1].status is Status.WRITTEN], shard_id)


class _OneSliceFinder(ThresholdFinder):
    """Takes a slice for the whole counter."""

    def _counted(self, watched: Sequence[Any]) -> Mapping[Any, Counted]:
        del watched
        return {}


class _OneSlice(LimitWatch):
    """Looks at one slice of a counter."""

    FINDER = _OneSliceFinder


class _OneKeyFinder(ThresholdFinder):
    """Takes the keys of a batch for all that an account has."""

    def _accounts_of(self, names: Iterable[str], now: float) -> dict[str, SharedPlan]:
        found = super()._accounts_of(names, now)
        return {name: one._replace(keys=frozenset()) for name, one in found.items()}


class _OneKey(LimitWatch):
    """Looks at the keys of a batch."""

    FINDER = _OneKeyFinder


class _Hasty(LimitWatch):
    """Marks before it publishes."""

    def _publish_all(self, reached: Sequence[Any], now: float, progress: Any) -> None:
        self._store.mark_published([one.crossing for one in reached])
        super()._publish_all(reached, now, progress)


class _Shrugging(LimitWatch):
    """Does not repeat a batch of which it could not mark everything."""

    def look(self, found: Sequence[Found], shard_id: str = "") -> LimitReport:
        """All is done."""
        return super().look(found, shard_id)._replace(unpublished_from=None)


class _Silent(LimitWatch):
    """Forgets what it could not publish."""

    def _keep(self, write: Any, crossings_found: Sequence[Any], progress: Any) -> int:
        return 0 if write == self._store.defer else super()._keep(write, crossings_found, progress)


class _Trusting(LimitWatch):
    """Takes a claim of another shard for a promise."""

    def _keep_taken(self, taken: Sequence[Any], progress: Any) -> None:
        del progress
        for one in taken:
            self._settled.settle(one.crossing.id)


ONE_KEY: Final = ThresholdMeter(
    "thresholds-one-key", "the keys of a batch are taken for all keys of their account", _OneKey
)
BROKEN_FOR_KEYS: Final = (
    ThresholdMeter(
        "thresholds-refusals", "what a refused increment finds is left to the attempt before", _DeafToRefusals
    ),
    ThresholdMeter("thresholds-one-slice", "a slice is taken for the whole counter", _OneSlice),
    ThresholdMeter("thresholds-marked-first", "a threshold is marked before it is published", _Hasty),
    ThresholdMeter("thresholds-not-repeated", "a batch with an unknown claim is not repeated", _Shrugging),
    ThresholdMeter("thresholds-not-kept", "what could not be published is not kept", _Silent),
)
"""Those that keys without an account show. Each is caught by `tests/simulation/quotas/test_thresholds.py`."""
TRUSTING: Final = ThresholdMeter(
    "thresholds-claim-trusted", "what another shard has claimed is taken for published", _Trusting
)
"""What the shipped watch was until the exploration showed it. None of its tests' seeds does."""
BROKEN_THRESHOLDS: Final = (*BROKEN_FOR_KEYS, ONE_KEY, TRUSTING)
