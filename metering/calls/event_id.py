"""What identifies a call, and what identifies a set of calls.

An event id is compared by its *event hash*, 63 bits of XXH64. The *fingerprint* of a set is the sum of its
hashes: it does not depend on an order, two sets are added by adding their fingerprints, and swapping one call
for another changes it (unless two ids share a hash, once in 2^63 pairs). It stays below 2^126 for up to 2^63
calls, so that it fits the 38 digits of a DynamoDB Number and of Athena's decimal(38,0).
"""

from __future__ import annotations

from collections.abc import Iterable

from xxhash import xxh64_intdigest

HASH_BITS = 63
HASH_MASK = (1 << HASH_BITS) - 1


def event_hash(event_id: str) -> int:
    """The 63-bit hash of an event id, never negative.

    Athena gives the same: bitwise_and(from_big_endian_64(xxhash64(to_utf8(eventid))), 9223372036854775807).
    A lone surrogate, which UTF-8 cannot hold, counts as a question mark.
    """
    return xxh64_intdigest(event_id.encode("utf-8", "replace")) & HASH_MASK


def fingerprint(event_hashes: Iterable[int]) -> int:
    """The fingerprint of the set of calls with these (distinct) hashes."""
    return sum(event_hashes)
