"""Records of the Kinesis Producer Library, which hold many user records.

Unpacked by `aws-kinesis-agg`, behind a wrapper that counts: on an error in the middle the library prints and
drops what is left. https://docs.aws.amazon.com/streams/latest/dev/kinesis-kpl-concepts.html
"""

from __future__ import annotations

import io
import sys
from base64 import b64decode
from contextlib import redirect_stderr
from typing import Final, NamedTuple

MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_SIZE: Final = 16


class UserRecords(NamedTuple):
    """The user records of one Kinesis record, in their order, and how many more it should have held."""

    data: list[bytes]
    lost: int = 0


def user_records(data: bytes) -> UserRecords:
    """Unpack a record. One that is no aggregate, or a damaged one, is its own only user record."""
    if data[: len(MAGIC)] != MAGIC:
        return UserRecords([data])
    unpacked, expected = _unpack(data)
    return UserRecords(unpacked, max(0, expected - len(unpacked)))


def _unpack(data: bytes) -> tuple[list[bytes], int]:
    """The user records, and how many the aggregate says that it holds (1 for a damaged one)."""
    path = list(sys.path)
    # Loaded when the first aggregate comes, since hardly any stream has one and it takes 100 ms; the library puts
    # its own folder at the head of the search path, where it would hide modules of ours.
    from aws_kinesis_agg import deaggregator, messages_pb2  # noqa: PLC0415
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    sys.path[:] = path
    record = {"Data": data, "SequenceNumber": "", "PartitionKey": "", "ApproximateArrivalTimestamp": 0}
    with redirect_stderr(io.StringIO()):
        found = list(deaggregator.iter_deaggregate_records([record], "Boto3"))
    if not all(user_record["kinesis"].get("aggregated") for user_record in found):
        return [data], 1
    try:
        aggregate = messages_pb2.AggregatedRecord()
        aggregate.ParseFromString(data[len(MAGIC) : -_DIGEST_SIZE])
    except DecodeError:
        return [data], 1
    return [b64decode(user_record["kinesis"]["data"]) for user_record in found], len(aggregate.records)
