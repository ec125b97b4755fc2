"""The user records within a record of the Kinesis Producer Library."""

import hashlib

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from hypothesis import given
from hypothesis import strategies as st

from local_cloud.kinesis.kpl_aggregate import MAGIC, UserRecord, user_records
from metering.calls.aggregate import UserRecords
from metering.calls.aggregate import user_records as read_by_the_meter


def aggregate(*records: tuple[str, str | None, bytes]) -> bytes:
    """An aggregate as AWS's own library makes it."""
    aggregator = RecordAggregator()
    for key, hash_key, data in records:
        aggregator.add_user_record(key, data, hash_key)
    contents: bytes = aggregator.clear_and_get().get_contents()[2]
    return contents


def test_what_awss_library_packs_is_unpacked() -> None:
    """In order, with each record's own partition key, with and without explicit hash keys, empty data too."""
    records = [("a", None, b"one"), ("b", "12345", b""), ("a", None, b"\x00" * 300), ("é", "7", b"four")]

    assert [UserRecord(key, data) for key, _, data in records] == user_records(aggregate(*records))


@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=20),
            st.none() | st.integers(0, 2**128 - 1).map(str),
            st.binary(max_size=300),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_agrees_with_the_reader_of_the_meter(records: list[tuple[str, str | None, bytes]]) -> None:
    """Two readers that share no code find the same user records: each is a witness of the other."""
    data = aggregate(*records)
    found = user_records(data)
    assert found is not None
    assert UserRecords([one.data for one in found]) == read_by_the_meter(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a delivery",
        b"\x1f\x8b a gzip",
        MAGIC,
        MAGIC + b"x" * 40,
        aggregate(("a", None, b"data"))[:-1] + b"?",
        aggregate(("a", None, b"data"))[:-20],
    ],
)
def test_what_is_no_aggregate_stays_one_record(data: bytes) -> None:
    """Without the magic, or with a digest that does not match."""
    assert user_records(data) is None


@pytest.mark.parametrize(
    "message",
    [
        b"\x1a\x05\x08\x00",
        b"\x1a\x04\x08\x00\x1a\x00",
        b"\x0a\x01a\x1a\x02\x08\x00",
        b"\x0a\x01\xff",
        b"\x0b",
        b"\x80",
    ],
    ids=["cut short", "unknown key", "no data", "key is no text", "unknown wire type", "half a number"],
)
def test_a_damaged_message_stays_one_record(message: bytes) -> None:
    """Although its digest is right."""
    digest = hashlib.md5(message, usedforsecurity=False).digest()

    assert user_records(MAGIC + message + digest) is None


def test_fields_of_other_kinds_are_skipped() -> None:
    """A message may hold what this version does not know: tags, fixed numbers."""
    known = b"\x0a\x01a\x1a\x0c\x08\x00\x1a\x02hi\x22\x04\x0a\x02xx"
    message = known + b"\x29" + b"8" * 8 + b"\x2d" + b"4" * 4
    digest = hashlib.md5(message, usedforsecurity=False).digest()

    assert [UserRecord("a", b"hi")] == user_records(MAGIC + message + digest)
