"""Records of the Kinesis Producer Library."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.aggregate import MAGIC, UserRecords, user_records
from tests.factories import kpl_aggregate, sealed

ONE_TWO_THREE = [b"one", b"two", b"three"]
PARTITION_KEY = b"\x0a\x01a"


@given(st.lists(st.binary(max_size=300), min_size=1))
def test_an_aggregate(data: list[bytes]) -> None:
    """Its user records, in their order, none lost: empty ones too."""
    assert UserRecords(data) == user_records(kpl_aggregate(data))


def test_an_aggregate_of_awss_own_library() -> None:
    """With explicit hash keys and without."""
    aggregator = RecordAggregator()
    for number, data in enumerate(ONE_TWO_THREE):
        aggregator.add_user_record(f"key {number}", data, str(10**number) if number else None)
    _, _, aggregate = aggregator.clear_and_get().get_contents()
    assert UserRecords(ONE_TWO_THREE) == user_records(aggregate)


@pytest.mark.parametrize(
    "data", [b"", b"\xf3", MAGIC[:3], b"\x1f\x8b\x08", b"{}", b"x" + kpl_aggregate(ONE_TWO_THREE)]
)
def test_no_aggregate(data: bytes) -> None:
    """Is its own only user record."""
    assert UserRecords([data]) == user_records(data)


@pytest.mark.parametrize(
    "data",
    [
        MAGIC,
        MAGIC + b"x" * 16,
        kpl_aggregate(ONE_TWO_THREE)[:-1],
        kpl_aggregate(ONE_TWO_THREE)[:-1] + b"?",
        kpl_aggregate(ONE_TWO_THREE)[:-17] + b"?" + kpl_aggregate(ONE_TWO_THREE)[-16:],
        sealed(kpl_aggregate([b"x" * 50])[4:-30]),
        sealed(b"\xff" * 20),
    ],
    ids=[
        "no message",
        "no message, a digest",
        "cut off",
        "digest",
        "message",
        "protobuf cut off",
        "no protobuf",
    ],
)
def test_a_damaged_aggregate(data: bytes) -> None:
    """Stays one record, which nothing can decode: it says no more how many it held."""
    assert UserRecords([data]) == user_records(data)


@pytest.mark.parametrize("readable", [0, 1, 2])
def test_user_records_that_cannot_be_read_are_counted(
    readable: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the first one on the library drops all that are left: they are lost, not forgotten. Nothing of
    them is printed.
    """
    found = user_records(kpl_aggregate(ONE_TWO_THREE, unreadable_from=readable))
    assert UserRecords(ONE_TWO_THREE[:readable], lost=3 - readable) == found
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize(
    "record",
    [b"\x08\x00\x10\x05\x1a\x01x", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x00\x1a\x01x"],
    ids=["explicit hash key", "an index of 64 bits"],
)
def test_an_index_over_which_the_library_itself_fails(
    record: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """The user record is lost; nothing is raised or printed."""
    hash_key = b"\x12\x0212"
    message = PARTITION_KEY + hash_key + b"\x1a" + bytes([len(record)]) + record
    assert UserRecords([], lost=1) == user_records(sealed(message))
    assert ("", "") == capfd.readouterr()


def test_an_aggregate_of_nothing() -> None:
    """Keys and no user records: no log event was in it."""
    assert UserRecords([]) == user_records(sealed(PARTITION_KEY))


def test_an_aggregate_within_an_aggregate() -> None:
    """The producer makes none: it is unpacked once."""
    inner = kpl_aggregate(ONE_TWO_THREE)
    assert UserRecords([inner]) == user_records(kpl_aggregate([inner]))


@given(st.binary(max_size=60), st.booleans())
def test_any_message(message: bytes, is_sealed: bool) -> None:
    """Whatever an aggregate holds, reading it raises nothing."""
    data = sealed(message) if is_sealed else MAGIC + message
    found = user_records(data)
    assert found.lost >= 0


def test_the_library_is_loaded_late_and_leaves_no_trace() -> None:
    """Not before the first aggregate; then the search path, which the library lengthens, is as it was."""
    script = """
import sys
before = list(sys.path)
import metering.calls.record
assert "aws_kinesis_agg" not in sys.modules
from metering.calls.aggregate import MAGIC, user_records
assert [[MAGIC], 0] == list(user_records(MAGIC))
assert "aws_kinesis_agg" in sys.modules
assert before == sys.path, sys.path
"""
    found = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert (0, "", "") == (found.returncode, found.stdout, found.stderr)


def test_threads() -> None:
    """Several functions may read aggregates at once."""
    data = kpl_aggregate([b"x"] * 500, unreadable_from=400)
    found: list[UserRecords] = []
    threads = [threading.Thread(target=lambda: found.append(user_records(data))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [UserRecords([b"x"] * 400, lost=100)] * 4 == found
