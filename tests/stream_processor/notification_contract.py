"""What :class:`metering.quotas.ports.NotificationStore` promises of claims, as tests that every store must
pass.

A class that inherits from this gives the fixture `telling`.
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


def telling_of(crossing: ThresholdCrossing, shard_id: str = SHARD, now: int = NOW) -> Notification:
    """A claim of a shard; claims of others hold for 300 seconds."""
    return Notification(crossing, shard_id, now, now - 300)


def claim(
    telling: NotificationStore, crossing: ThresholdCrossing, shard_id: str = SHARD, now: int = NOW
) -> ClaimStatus:
    """What becomes of a claim."""
    (status,) = telling.claim([telling_of(crossing, shard_id, now)])
    return status


def waiting(telling: NotificationStore, start: str = "") -> list[ThresholdCrossing]:
    """The crossings that wait, from an id on."""
    return [one for one in telling.deferred(start) if isinstance(one, ThresholdCrossing)]


class TellingContract:
    """The port `NotificationStore`, as far as it writes."""

    def test_first(self, telling: NotificationStore, crossing: ThresholdCrossing) -> None:
        """Who comes first tells it; another shard hears that somebody does."""
        assert ClaimStatus.OURS is claim(telling, crossing)
        assert ClaimStatus.TAKEN is claim(telling, crossing, OTHER_SHARD)

    def test_same_shard(self, telling: NotificationStore, crossing: ThresholdCrossing) -> None:
        """A shard takes over its own claim at once: its earlier attempt has ended."""
        claim(telling, crossing)
        assert ClaimStatus.OURS is claim(telling, crossing)

    @pytest.mark.parametrize(("later", "status"), [(300, ClaimStatus.TAKEN), (301, ClaimStatus.OURS)])
    def test_stale(
        self, telling: NotificationStore, crossing: ThresholdCrossing, later: int, status: ClaimStatus
    ) -> None:
        """Another shard takes over a claim that has become old."""
        claim(telling, crossing)
        assert status is claim(telling, crossing, OTHER_SHARD, NOW + later)

    def test_told(self, telling: NotificationStore, crossing: ThresholdCrossing) -> None:
        """What is told is claimed by nobody, not even by the shard that told it, however late."""
        claim(telling, crossing)
        assert [True] == list(telling.mark_told([crossing]))
        assert ClaimStatus.TOLD is claim(telling, crossing)
        assert ClaimStatus.TOLD is claim(telling, crossing, OTHER_SHARD, NOW + 10**6)

    def test_thresholds_apart(self, telling: NotificationStore, crossing: ThresholdCrossing) -> None:
        """Each threshold, metric, amount and period is claimed and told for itself."""
        telling.mark_told([crossing])
        others = [
            crossing._replace(id=uuid.uuid4().hex, threshold=100),
            crossing._replace(id=uuid.uuid4().hex, metric="errors"),
            crossing._replace(id=uuid.uuid4().hex, amount=200),
            crossing._replace(id=uuid.uuid4().hex, period=Period("2026-11-05T07")),
            crossing._replace(id=uuid.uuid4().hex, period=Period("2026-11")),
        ]
        assert [ClaimStatus.OURS] * 5 == list(telling.claim([telling_of(other) for other in others]))

    def test_deferred(self, telling: NotificationStore, crossing: ThresholdCrossing) -> None:
        """What waits comes back as it was until it is settled, however often it was deferred."""
        assert [True] == list(telling.defer([crossing]))
        assert [True] == list(telling.defer([crossing]))
        assert [crossing] == [one for one in waiting(telling) if one.id == crossing.id]
        assert [True] == list(telling.settle([crossing]))
        assert [True] == list(telling.settle([crossing]))
        assert [] == [one for one in waiting(telling) if one.id == crossing.id]

    def test_own_part(self, telling: NotificationStore, crossing: ThresholdCrossing) -> None:
        """What waits comes in the order of ids from a start on, then from the least one."""
        ids = [f"{digit}{uuid.uuid4().hex[1:]}" for digit in "08f"]
        telling.defer([crossing._replace(id=one) for one in ids])
        assert [ids[1], ids[2], ids[0]] == [one.id for one in waiting(telling, "7") if one.id in ids]
        assert ids == [one.id for one in waiting(telling) if one.id in ids]
        telling.settle([crossing._replace(id=one) for one in ids])

    def test_nothing(self, telling: NotificationStore) -> None:
        """Nothing asked, nothing answered."""
        assert [] == list(telling.claim([]))
        assert [] == list(telling.mark_told([]))
