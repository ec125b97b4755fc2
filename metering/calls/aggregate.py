"""Records of the Kinesis Producer Library, which hold many user records.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-kpl-concepts.html
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAGIC: Final = b"\xf3\x89\x9a\xc2"


class UserRecords(NamedTuple):
    """The user records of one Kinesis record, in their order, and how many more it should have held."""

    data: list[bytes]
    lost: int = 0


def user_records(data: bytes) -> UserRecords:
    """Unpack a record. One that is no aggregate, or a damaged one, is its own only user record."""
    if data[: len(MAGIC)] != MAGIC:
        return UserRecords([data])
    # Loaded with the first aggregate: hardly any stream has one, and it takes 100 ms.
    from metering.calls.kpl import unpack  # noqa: PLC0415

    unpacked = unpack(data)
    if unpacked is None:
        return UserRecords([data])
    return UserRecords(unpacked.data, unpacked.announced - len(unpacked.data))
