"""When pages of the ledger expire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metering.counters.ports import DAY_SECONDS, Append, Claim, PageId, expires_at

WEEK = 7 * DAY_SECONDS
TTL = WEEK + DAY_SECONDS
ENDS_AT = 1_793_275_200


def append(page: int = 0) -> Append:
    """An append to a page of a slot."""
    return Append(PageId(1, 0, page), (Claim("shardId-000000000000", 1, (1,)),), 64, ENDS_AT)


class TestExpiry:
    @given(st.integers(0, 2 * DAY_SECONDS + WEEK), st.integers(0, 2 * DAY_SECONDS + WEEK))
    def test_pages_go_together(self, earlier: int, later: int) -> None:
        """A page that was filled early does not go before one that was begun late."""
        first = expires_at(append(0), ENDS_AT + earlier, TTL)
        assert first == expires_at(append(1), ENDS_AT + later, TTL)

    @given(st.integers(-DAY_SECONDS, 60 * DAY_SECONDS))
    def test_outlives_every_retry(self, delay: int) -> None:
        """However late a claim is made, it lives as long as the stream keeps a record, and one day more."""
        assert expires_at(append(), ENDS_AT + delay, TTL) >= ENDS_AT + delay + TTL
