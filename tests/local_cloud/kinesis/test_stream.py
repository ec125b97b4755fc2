"""The local Kinesis stream: routing, sequence numbers, resharding."""

import hashlib
import itertools
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local_cloud.endpoint.service import AwsError
from local_cloud.kinesis.stream import HASH_KEYS, Stream, hash_of


def ranges(stream: Stream) -> list[tuple[int, int]]:
    """The hash ranges of the open shards."""
    return [(shard.first_hash, shard.last_hash) for shard in stream.open_shards()]


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 500])
def test_open_shards_cover_every_hash_key_once(shards: int) -> None:
    """The ranges of a new stream's shards join without gap or overlap."""
    found = ranges(Stream("s", shards))

    assert shards == len(found)
    assert (0, HASH_KEYS - 1) == (found[0][0], found[-1][1])
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(found))


def test_a_record_goes_to_the_shard_of_its_keys_md5() -> None:
    """AWS routes by the MD5 of the partition key, as a 128-bit number."""
    stream = Stream("s", 4)

    for key in map(str, range(200)):
        shard, _ = stream.put(key, b"")
        assert shard.first_hash <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= shard.last_hash


def test_an_explicit_hash_key_overrides_the_partition_key() -> None:
    """Both ends of the range reach the outer shards."""
    stream = Stream("s", 3)

    assert stream.put("k", b"", 0)[0] is stream.open_shards()[0]
    assert stream.put("k", b"", HASH_KEYS - 1)[0] is stream.open_shards()[-1]


def test_sequence_numbers_have_56_digits_and_are_unique_over_resharding() -> None:
    """They increase in a shard, are unique in the stream, and those of children follow those of parents."""
    stream = Stream("s", 2)
    numbers = []
    for round_ in range(3):
        numbers += [stream.put(str(i), b"")[1].sequence_number for i in range(50)]
        first = stream.open_shards()[0]
        stream.split(first.id, (first.first_hash + first.last_hash) // 2 + round_)

    assert {56} == {len(str(number)) for number in numbers}
    assert sorted(set(numbers)) == numbers
    for shard in stream.shards.values():
        assert all(parent.ending is not None and parent.ending < shard.starting for parent in shard.parents)


def test_a_later_stream_has_higher_sequence_numbers() -> None:
    """A stream that is made anew does not repeat numbers that a table may still hold as watermarks."""
    earlier, later = Stream("s", 1), Stream("s", 1)

    assert earlier.put("k", b"")[1].sequence_number < later.put("k", b"")[1].sequence_number


def test_version() -> None:
    """It is another one after a put, a split and a merge, and for a stream that is made again. Reading
    changes nothing.
    """
    stream = Stream("s", 2)
    versions = [stream.version]
    stream.put("k", b"")
    versions.append(stream.version)
    lower, upper = stream.split(stream.open_shards()[0].id, 2**126)
    versions.append(stream.version)
    stream.merge(lower.id, upper.id)
    versions += [stream.version, Stream("s", 2).version]
    assert len(versions) == len(set(versions))
    _ = [shard.records for shard in stream.open_shards()]
    assert versions[3] == stream.version


def test_a_split_parent_takes_no_more_records_and_keeps_its_own() -> None:
    """After a split the children take the puts; the parent's records stay where they are."""
    stream = Stream("s", 1)
    parent = stream.open_shards()[0]
    stream.put("before", b"1")

    lower, upper = stream.split(parent.id, 2**127)
    after = [stream.put(str(i), b"2")[0] for i in range(50)]

    assert [b"1"] == [record.data for record in parent.records]
    assert {lower, upper} == set(after)
    assert [(0, 2**127 - 1), (2**127, HASH_KEYS - 1)] == ranges(stream)
    assert (parent,) == lower.parents == upper.parents
    assert (lower, upper) == parent.children


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_merged_parents_hand_their_range_to_the_child(order: tuple[int, int]) -> None:
    """Two neighbours, in either order, become one shard with both as parents."""
    stream = Stream("s", 2)
    shards = stream.open_shards()
    first, second = shards[order[0]], shards[order[1]]

    child = stream.merge(first.id, second.id)

    assert [(0, HASH_KEYS - 1)] == ranges(stream)
    assert (first, second) == child.parents
    assert not first.is_open
    assert not second.is_open


def test_what_cannot_be_reshaped_is_refused() -> None:
    """Closed shards, shards that are no neighbours, empty halves, unknown shards."""
    stream = Stream("s", 3)
    one, two, three = stream.open_shards()
    stream.split(two.id, two.first_hash + 2)

    cases: list[tuple[str, Callable[[], object]]] = [
        ("InvalidArgumentException", lambda: stream.split(two.id, two.first_hash + 2)),
        ("InvalidArgumentException", lambda: stream.merge(one.id, two.id)),
        ("InvalidArgumentException", lambda: stream.merge(one.id, three.id)),
        ("InvalidArgumentException", lambda: stream.merge(one.id, one.id)),
        ("InvalidArgumentException", lambda: stream.split(one.id, one.first_hash)),
        ("InvalidArgumentException", lambda: stream.split(one.id, three.last_hash)),
        ("ResourceNotFoundException", lambda: stream.split("shardId-000000000099", 5)),
        ("LimitExceededException", lambda: stream.resize(9)),
        ("LimitExceededException", lambda: stream.resize(1)),
    ]
    for code, refused in cases:
        with pytest.raises(AwsError) as error:
            refused()
        assert code == error.value.code


@pytest.mark.parametrize(("before", "after"), [(1, 2), (4, 8), (4, 7), (4, 2), (5, 3), (3, 3)])
def test_resizing_keeps_the_ranges_whole(before: int, after: int) -> None:
    """Whatever the target, every hash key still has one open shard."""
    stream = Stream("s", before)

    stream.resize(after)

    found = ranges(stream)
    assert after == len(found)
    assert (0, HASH_KEYS - 1) == (found[0][0], found[-1][1])
    assert all(left[1] + 1 == right[0] for left, right in itertools.pairwise(found))


def test_a_put_finds_its_shard_after_many_changes() -> None:
    """Routing follows splits and merges."""
    stream = Stream("s", 2)
    for _ in range(20):
        widest = max(stream.open_shards(), key=lambda shard: shard.last_hash - shard.first_hash)
        stream.split(widest.id, (widest.first_hash + widest.last_hash) // 2)
    stream.merge(stream.open_shards()[3].id, stream.open_shards()[4].id)

    for key in map(str, range(300)):
        shard, _ = stream.put(key, b"")
        assert shard.is_open
        assert shard.first_hash <= hash_of(key) <= shard.last_hash


def test_records_expire() -> None:
    """What is older than the retention is gone; positions and sequence numbers mean the same as before."""
    now = datetime(2026, 11, 5, tzinfo=UTC)
    stream = Stream("s", 1, lambda: now)
    stream.retention = timedelta(hours=24)
    numbers = [stream.put("k", bytes([number]))[1].sequence_number for number in range(10)]
    now += timedelta(hours=24)
    (shard,) = stream.open_shards()
    stream.put("k", b"kept")
    assert 11 == len(shard.records)
    now += timedelta(seconds=1)
    stream.put("k", b"too")
    assert (10, [b"kept", b"too"], 12) == (shard.expired, [one.data for one in shard.records], shard.end)
    position, records = shard.from_position(3, 1)
    assert (10, [b"kept"]) == (position, [one.data for one in records])
    assert (10, 10) == (shard.position_of(numbers[4]), shard.position_after(numbers[9]))
    assert (12, []) == shard.from_position(12, 5)


def test_data_is_not_in_memory() -> None:
    """A record of 100 KB takes less than one: its data lies on disk, and is the same when it is read."""
    stream = Stream("s", 1)
    stream.put("k", b"x")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(50):
            stream.put("k", bytes([number]) * 100_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50 * 1_000
    (shard,) = stream.open_shards()
    assert [bytes([number]) * 100_000 for number in range(50)] == [one.data for one in shard.records[1:]]
