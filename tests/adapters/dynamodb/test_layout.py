"""How keys, slices and watermarks are written in the tables."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.layout import (
    CounterItem,
    LedgerItem,
    bound,
    counter_pk,
    counter_sk,
    decode_position,
    encode_position,
    key_of_pk,
    watermark_attribute,
)
from adapters.dynamodb.ledger import decode_claim, encode_claim
from local_cloud.template.document import resource
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

    @pytest.mark.parametrize(
        ("model", "logical_id"), [(CounterItem, "CountersTable"), (LedgerItem, "LedgerTable")]
    )
    def test_template(self, model: type[CounterItem], logical_id: str) -> None:
        """The models and the template agree on the keys and their types."""
        schema = resource(logical_id)
        types = {one["AttributeName"]: one["AttributeType"] for one in schema["AttributeDefinitions"]}
        described = {
            attribute.attr_name: attribute.attr_type
            for attribute in model.get_attributes().values()
            if attribute.is_hash_key or attribute.is_range_key
        }
        assert types == described


class TestBound:
    def test_apart(self) -> None:
        """Two deployments can be read in one process."""
        one, other = bound(CounterItem, "one", region="eu-west-1"), bound(CounterItem, "other")
        assert ("one", "other", "") == (
            one.Meta.table_name,
            other.Meta.table_name,
            CounterItem.Meta.table_name,
        )


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
