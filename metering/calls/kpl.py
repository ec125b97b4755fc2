"""The border to `aws-kinesis-agg`, AWS's own library for records of the Kinesis Producer Library.

Three habits of the library are undone here. It puts its own folder at the head of the search path, where it
would hide modules of ours. It hands on a damaged aggregate as if it were none. And at a user record that it
cannot read it prints the whole aggregate, customers' data, and drops the rest, or fails over the printing:
here nothing is printed, and the caller learns how many are missing.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

_search_path = list(sys.path)

from aws_kinesis_agg import DIGEST_SIZE, MAGIC, deaggregator, messages_pb2  # noqa: E402 - between the two lines

sys.path[:] = _search_path


def _print_nothing(*_: object, **__: object) -> None:
    """Stands for `print` in the library."""


deaggregator.print = _print_nothing


class Unpacked(NamedTuple):
    """The user records that could be read, and how many the aggregate says that it holds."""

    data: list[bytes]
    announced: int


def unpack(data: bytes) -> Unpacked | None:
    """Unpack an aggregate; None for a damaged one."""
    found: list[bytes] = []
    with suppress(Exception):  # that it fails in its report of a failure; the rest is missing then too
        for user_record in _user_records(data):
            if not user_record.get("aggregated"):
                return None
            found.append(b64decode(user_record["data"]))
    return Unpacked(found, _announced(data))


def _user_records(data: bytes) -> Iterator[dict[str, Any]]:
    """What the library finds, one by one: a full aggregate as dictionaries would take 200 MB."""
    record = {"Data": data, "SequenceNumber": "", "PartitionKey": "", "ApproximateArrivalTimestamp": 0}
    for user_record in deaggregator.iter_deaggregate_records([record], "Boto3"):
        yield user_record["kinesis"]


def _announced(data: bytes) -> int:
    """How many user records an aggregate holds that the library could parse."""
    aggregate = messages_pb2.AggregatedRecord()
    aggregate.ParseFromString(data[len(MAGIC) : -DIGEST_SIZE])
    return len(aggregate.records)
