"""Thresholds that are reached: found by the increments themselves, published once.

An increment returns what its counter holds, and a refused one does so too. A threshold that this reaches, and
that is not known to be published, is

1. **claimed** for this shard, in an item of its own, by one conditional write. If this is the last step, the
   retry of the batch is refused by the counter, finds the threshold again, and may take over its own claim;
   another shard may do so after :data:`CLAIM_SECONDS`.
2. **published**. If this is the last step, the retry publishes the same event again, under the same id.
3. **marked** as published, in the same item. From now on a claim is refused.

Whoever finds the claim of another shard keeps the threshold to be published later, unless it is published
by then. For the claim may be that of an attempt that Lambda had given up, and whose batch was repeated before
the threshold was reached: when that attempt ends, nobody repeats it any more.

What cannot be published is kept in the table, before anything else is written, and published later by whoever
has a batch; each shard begins at a place of its own among what waits. An outage of EventBridge delays what is
published, never what is counted: publishing has a budget of time (:mod:`adapters.event_bus`), and where
nothing of a batch could be published, none tries again for :data:`PAUSE_SECONDS`. What the table does not
answer for is repeated with its batch.

What is reached is found by :mod:`stream_processor.threshold_finder`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final, NamedTuple

from metering.errors import Transient, UnreadableItem
from metering.outcome import Outcome, outcome_of_key
from metering.quotas.ports import (
    ClaimStatus,
    Notification,
    NotificationStore,
    ThresholdCrossing,
    ThresholdPublisher,
)
from metering.quotas.threshold import ID_LENGTH
from stream_processor.threshold_finder import Found, ReachedThreshold, SettledCrossings, ThresholdFinder

CLAIM_SECONDS: Final = 300
"""A claim of another shard that is older is taken over. An invocation takes 120 seconds at most."""
DEFERRED_SECONDS: Final = 60
"""Between two looks for what waits, where nothing was found. As long as there is something, each batch
publishes some of it.
"""
PAUSE_SECONDS: Final = 60
"""How long nothing is published after EventBridge has taken nothing."""
REACHED_AT_ONCE: Final = 500
"""Thresholds that are claimed, published and marked before the next ones."""
NOT_TRIED: Final = "not tried: EventBridge took nothing a moment ago"


class LimitReport(NamedTuple):
    """What was done with the thresholds of a batch."""

    published: tuple[ThresholdCrossing, ...] = ()
    """Published and marked, those that had waited too."""
    deferred: int = 0
    """Kept to be published later."""
    unpublished_from: int | None = None
    """The lowest sequence number whose increment reached a threshold with an unknown state."""
    errors: tuple[str, ...] = ()
    """Why some could not be published."""
    unreadable: tuple[str, ...] = ()
    """Stored items that cannot be decoded. Thresholds that need them are not found; counting goes on."""


NOTHING_FOUND: Final = LimitReport()


@dataclass(slots=True)
class _Progress:
    """A report in the making."""

    published: list[ThresholdCrossing] = field(default_factory=list)
    deferred: int = 0
    unpublished_from: int | None = None
    errors: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def repeat(self, first: int) -> None:
        """The batch is to be repeated from here."""
        self.unpublished_from = first if self.unpublished_from is None else min(self.unpublished_from, first)

    @property
    def report(self) -> LimitReport:
        return LimitReport(
            tuple(self.published),
            self.deferred,
            self.unpublished_from,
            tuple(self.errors),
            tuple(self.unreadable),
        )


class LimitWatch:
    """Finds thresholds that are reached, and publishes them.

    It remembers plans for a minute, and what is published. All that it must not forget is in the store.
    """

    FINDER: ClassVar[type[ThresholdFinder]] = ThresholdFinder
    """What finds them."""

    def __init__(
        self,
        store: NotificationStore,
        publisher: ThresholdPublisher,
        clock: Callable[[], datetime],
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_over` says when no more is to be claimed and published."""
        self._is_over = is_over
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._settled = SettledCrossings()
        self._finder = self.FINDER(store, self._settled)
        self._drain_at = float("-inf")
        self._paused_until = float("-inf")

    def look(self, found: Sequence[Found], shard_id: str = "") -> LimitReport:
        """Find what the increments of a batch of one shard have reached, and publish it, then some of what
        waits. `shard_id` names the shard where nothing was found.
        """
        now = self._clock().timestamp()
        progress = _Progress()
        self._finder.unreadable = progress.unreadable
        try:
            reached = self._finder.find(found, now)
        except UnreadableItem as error:
            progress.unreadable.append(str(error))
            return progress.report
        except Transient:
            for increment, _ in found:
                if outcome_of_key(increment.key) is Outcome.METERED:
                    progress.repeat(increment.first)
            return progress.report
        for start in range(0, len(reached), REACHED_AT_ONCE):
            self._publish_all(reached[start : start + REACHED_AT_ONCE], now, progress)
        self._drain(found[0][0].shard_id if found else shard_id, now, progress)
        return progress.report

    def _publish_all(self, reached: Sequence[ReachedThreshold], now: float, progress: _Progress) -> None:
        """Claim, publish, mark; or defer what cannot be published. Where time is over, all is repeated."""
        if self._is_over():
            for one in reached:
                progress.repeat(one.first)
            return
        ours = self._claim(reached, now, progress)
        if not ours:
            return
        taken = self._publish([one.crossing for one in ours], now, progress)
        published = [one for one, is_taken in zip(ours, taken, strict=True) if is_taken]
        unpublished = [one for one, is_taken in zip(ours, taken, strict=True) if not is_taken]
        progress.deferred += self._keep(self._store.defer, unpublished, progress)
        self._keep(self._store.mark_published, published, progress)
        progress.published += [one.crossing for one in published]

    def _publish(self, found: Sequence[ThresholdCrossing], now: float, progress: _Progress) -> list[bool]:
        """Publish crossings: which were taken. After a failure of all, nothing is tried for a while."""
        if now < self._paused_until:
            progress.errors.append(NOT_TRIED)
            return [False] * len(found)
        errors = self._publisher.publish(found)
        progress.errors += [error for error in errors if error is not None]
        taken = [error is None for error in errors]
        if not any(taken):
            self._paused_until = now + PAUSE_SECONDS
        return taken

    def _claim(
        self, reached: Sequence[ReachedThreshold], now: float, progress: _Progress
    ) -> list[ReachedThreshold]:
        if not reached:
            return []
        stale = int(now) - CLAIM_SECONDS
        statuses = self._store.claim(
            [Notification(one.crossing, one.shard_id, int(now), stale) for one in reached]
        )
        ours, taken = [], []
        for one, status in zip(reached, statuses, strict=True):
            match status:
                case ClaimStatus.OURS:
                    ours.append(one)
                case ClaimStatus.PUBLISHED:
                    self._settled.settle(one.crossing.id)
                case ClaimStatus.TAKEN:
                    taken.append(one)
                case ClaimStatus.UNAVAILABLE:
                    progress.repeat(one.first)
        self._keep_taken(taken, progress)
        return ours

    def _keep_taken(self, taken: Sequence[ReachedThreshold], progress: _Progress) -> None:
        """Keep what another shard has claimed, until somebody finds that it is published: see the module. It
        is not reported as deferred: as a rule nothing is wrong.
        """
        self._keep(self._store.defer, taken, progress)

    def _keep(
        self,
        write: Callable[[Sequence[ThresholdCrossing]], Sequence[bool]],
        crossings_found: Sequence[ReachedThreshold],
        progress: _Progress,
    ) -> int:
        """Store the state of crossings; returns how many were stored. The batch repeats the others."""
        if not crossings_found:
            return 0
        written = write([one.crossing for one in crossings_found])
        for one, is_written in zip(crossings_found, written, strict=True):
            if is_written:
                self._settled.settle(one.crossing.id)
            else:
                progress.repeat(one.first)
        return sum(written)

    def _drain(self, shard_id: str, now: float, progress: _Progress) -> None:
        """Publish some of what waits. What fails now waits on."""
        if now < max(self._drain_at, self._paused_until) or self._is_over():
            return
        try:
            found = self._store.deferred(_own_part(shard_id))
        except Transient:
            found = []
        waiting = list(self._finder.readable(dict(enumerate(found))).values())
        ours = self._claim_waiting(waiting, shard_id, now)
        if not ours:
            self._drain_at = now + DEFERRED_SECONDS
            return
        taken = self._publish(ours, now, progress)
        published = [one for one, is_taken in zip(ours, taken, strict=True) if is_taken]
        marked = self._store.mark_published(published)
        done = [one for one, is_marked in zip(published, marked, strict=True) if is_marked]
        self._store.settle(done)
        progress.published += done

    def _claim_waiting(
        self, waiting: Sequence[ThresholdCrossing], shard_id: str, now: float
    ) -> list[ThresholdCrossing]:
        """Those that no other shard is about to publish. What was published already waits no longer."""
        if not waiting:
            return []
        stale = int(now) - CLAIM_SECONDS
        statuses = self._store.claim([Notification(one, shard_id, int(now), stale) for one in waiting])
        claimed = list(zip(waiting, statuses, strict=True))
        self._store.settle([one for one, status in claimed if status is ClaimStatus.PUBLISHED])
        return [one for one, status in claimed if status is ClaimStatus.OURS]


def _own_part(shard_id: str) -> str:
    """Where a shard begins among the ids of crossings, which are as evenly spread as this."""
    return hashlib.sha256(shard_id.encode()).hexdigest()[:ID_LENGTH]
