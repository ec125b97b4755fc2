"""What :class:`metering.quotas.ports.NotificationStore` promises of claims, as tests that every store must
pass.

A class that inherits from this gives the fixture `store`.
"""

from __future__ import annotations

import uuid

import pytest

from metering.period import Period
from metering.quotas.ports import ClaimStatus, Notification, NotificationStore, ThresholdCrossing

SHARD, OTHER_SHARD = "shardId-000000000000", "shardId-000000000001"
NOW = 1_793_880_000
DAY = Period("2026-11-05")


@pytest.fixture
def crossing() -> ThresholdCrossing:
    """A crossing of a key that nobody knows."""
    return ThresholdCrossing(
        uuid.uuid4().hex, f"key-{uuid.uuid4().hex}", "acme", "free", 3, "requests", DAY, 100, "hard", 80, 85
    )


def notification_of(crossing: ThresholdCrossing, shard_id: str = SHARD, now: int = NOW) -> Notification:
    """A claim of a shard; claims of others hold for 300 seconds."""
    return Notification(crossing, shard_id, now, now - 300)


def claim(
    store: NotificationStore, crossing: ThresholdCrossing, shard_id: str = SHARD, now: int = NOW
) -> ClaimStatus:
    """What becomes of a claim."""
    (status,) = store.claim([notification_of(crossing, shard_id, now)])
    return status


def waiting(store: NotificationStore, start: str = "") -> list[ThresholdCrossing]:
    """The crossings that wait, from an id on."""
    return [one for one in store.deferred(start) if isinstance(one, ThresholdCrossing)]


class NotificationContract:
    """The port `NotificationStore`, as far as it writes."""

    def test_first(self, store: NotificationStore, crossing: ThresholdCrossing) -> None:
        """Who comes first publishes it; another shard learns that somebody does."""
        assert ClaimStatus.OURS is claim(store, crossing)
        assert ClaimStatus.TAKEN is claim(store, crossing, OTHER_SHARD)

    def test_same_shard(self, store: NotificationStore, crossing: ThresholdCrossing) -> None:
        """A shard takes over its own claim at once: its earlier attempt has ended."""
        claim(store, crossing)
        assert ClaimStatus.OURS is claim(store, crossing)

    @pytest.mark.parametrize(("later", "status"), [(300, ClaimStatus.TAKEN), (301, ClaimStatus.OURS)])
    def test_stale(
        self, store: NotificationStore, crossing: ThresholdCrossing, later: int, status: ClaimStatus
    ) -> None:
        """Another shard takes over a claim that has become old."""
        claim(store, crossing)
        assert status is claim(store, crossing, OTHER_SHARD, NOW + later)

    def test_reported(self, store: NotificationStore, crossing: ThresholdCrossing) -> None:
        """What is reported is claimed by nobody, not even by the shard that reported it, however late."""
        claim(store, crossing)
        assert [True] == list(store.mark_published([crossing]))
        assert ClaimStatus.PUBLISHED is claim(store, crossing)
        assert ClaimStatus.PUBLISHED is claim(store, crossing, OTHER_SHARD, NOW + 10**6)

    def test_thresholds_apart(self, store: NotificationStore, crossing: ThresholdCrossing) -> None:
        """Each threshold, metric, amount and period is claimed and reported for itself."""
        store.mark_published([crossing])
        others = [
            crossing._replace(id=uuid.uuid4().hex, threshold=100),
            crossing._replace(id=uuid.uuid4().hex, metric="errors"),
            crossing._replace(id=uuid.uuid4().hex, amount=200),
            crossing._replace(id=uuid.uuid4().hex, period=Period("2026-11-05T07")),
            crossing._replace(id=uuid.uuid4().hex, period=Period("2026-11")),
        ]
        assert [ClaimStatus.OURS] * 5 == list(store.claim([notification_of(other) for other in others]))

    def test_deferred(self, store: NotificationStore, crossing: ThresholdCrossing) -> None:
        """What waits comes back as it was until it is settled, however often it was deferred."""
        assert [True] == list(store.defer([crossing]))
        assert [True] == list(store.defer([crossing]))
        assert [crossing] == [one for one in waiting(store) if one.id == crossing.id]
        assert [True] == list(store.settle([crossing]))
        assert [True] == list(store.settle([crossing]))
        assert [] == [one for one in waiting(store) if one.id == crossing.id]

    def test_own_part(self, store: NotificationStore, crossing: ThresholdCrossing) -> None:
        """What waits comes in the order of ids from a start on, then from the least one."""
        ids = [f"{digit}{uuid.uuid4().hex[1:]}" for digit in "08f"]
        store.defer([crossing._replace(id=one) for one in ids])
        assert [ids[1], ids[2], ids[0]] == [one.id for one in waiting(store, "7") if one.id in ids]
        assert ids == [one.id for one in waiting(store) if one.id in ids]
        store.settle([crossing._replace(id=one) for one in ids])

    def test_nothing(self, store: NotificationStore) -> None:
        """Nothing asked, nothing answered."""
        assert [] == list(store.claim([]))
        assert [] == list(store.mark_published([]))
