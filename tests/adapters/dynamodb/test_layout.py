"""How keys, slices and watermarks are written in the tables."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.layout import (
    counter_pk,
    counter_sk,
    decode_position,
    encode_position,
    key_of_pk,
    watermark_attribute,
)
from adapters.dynamodb.ledger import decode_claim, encode_claim
from metering.counters.ports import Claim
from metering.period import Period, days_of

POSITIONS = st.integers(0, 10**134)


class TestPosition:
    @given(POSITIONS)
    def test_round_trip(self, position: int) -> None:
        """A position comes back as it was."""
        assert position == decode_position(encode_position(position))

    @given(POSITIONS, POSITIONS)
    def test_order(self, one: int, other: int) -> None:
        """Bytes compare as the numbers do."""
        assert (one < other) == (encode_position(one) < encode_position(other))

    def test_size(self) -> None:
        """A sequence number of AWS's usual 56 digits takes 25 bytes."""
        assert 25 == len(encode_position(10**56 - 1))


class TestWatermarkAttribute:
    def test_short(self) -> None:
        """A shard is named by its number."""
        assert "w12" == watermark_attribute("shardId-000000000012")

    def test_unusual(self) -> None:
        """A shard that is not named as usual keeps its name, and meets no other."""
        assert "w:12" == watermark_attribute("12")
        assert "w:shardId-12" == watermark_attribute("shardId-12")


class TestKeys:
    @given(st.text(min_size=1))
    def test_key(self, key: str) -> None:
        """A key comes back as it was."""
        assert key == key_of_pk(counter_pk(key))

    def test_month_before_days(self) -> None:
        """A month comes before its days, and a range of days is one range of sort keys."""
        month = Period("2026-11")
        keys = [counter_sk(month, 0), counter_sk(month, 1), *(counter_sk(day, 0) for day in days_of(month))]
        assert keys == sorted(keys)
        assert counter_sk(Period("2026-11-05"), 12) < counter_sk(Period("2026-11-06"), 0)


class TestClaim:
    @given(
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128),
        POSITIONS,
        st.lists(st.integers(0, 2**63 - 1)),
    )
    def test_round_trip(self, shard_id: str, position: int, hashes: list[int]) -> None:
        """A claim comes back as it was."""
        claim = Claim(shard_id, position, tuple(hashes))
        assert claim == decode_claim(encode_claim(claim))

    @pytest.mark.parametrize(("digits", "count"), [*itertools.product([1, 56, 61], [0, 1, 2048])])
    def test_size(self, digits: int, count: int) -> None:
        """It never takes more than its size says, for shards that are named as usual."""
        claim = Claim("shardId-000000000012", 10**digits, tuple(range(count)))
        assert len(encode_claim(claim)) <= claim.size
