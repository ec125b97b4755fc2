"""When pages of the ledger expire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metering.counters.ports import DAY_SECONDS, Append, Claim, PageId, expires_at

LONGEST_LATE = (1 + 14 + 1) * DAY_SECONDS
"""A call's time before its log event's, a log event before it is put, a delivery that is repeated."""
LONGEST_LAG = 7 * DAY_SECONDS
ENDS_AT = 1_793_275_200

CLAIMED_AFTER = st.integers(-DAY_SECONDS, LONGEST_LATE + LONGEST_LAG)
"""Seconds after a slot's end."""


def append(page: int = 0) -> Append:
    """An append to a page of a slot."""
    return Append(PageId(1, 0, page), (Claim("shardId-000000000000", 1, (1,)),), 64, ENDS_AT)


class TestExpiry:
    @given(CLAIMED_AFTER, CLAIMED_AFTER)
    def test_pages_go_together(self, earlier: int, later: int) -> None:
        """A page that was filled early does not go before one that was begun late, although its lines may be
        14 days old.
        """
        assert expires_at(append(0), ENDS_AT + earlier) == expires_at(append(1), ENDS_AT + later)

    @given(CLAIMED_AFTER)
    def test_outlives_every_retry(self, made: int) -> None:
        """Whenever a claim is made, it lives until nobody can ask for it any more, whatever the stream kept
        at that time.
        """
        assert expires_at(append(), ENDS_AT + made) > ENDS_AT + LONGEST_LATE + LONGEST_LAG

    @given(st.integers(0, 400 * DAY_SECONDS))
    def test_older_than_any_line(self, made: int) -> None:
        """A claim of an event that no log group delivers lives for two days all the same."""
        assert expires_at(append(), ENDS_AT + made) >= ENDS_AT + made + 2 * DAY_SECONDS
