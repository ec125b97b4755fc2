"""Write units of the ledger: each append pays for the whole page that it appends to.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Final

UNIT_BYTES: Final = 1024

PAGE_FULL_AT: Final = 64 * 1024
MOST_AT_ONCE: Final = 32 * 1024
COUNTED_CLAIM_BYTES: Final = 64
"""What the processor reckons for a claim beside its hashes, when it asks whether a page is full."""

HASH_BYTES: Final = 8
STORED_CLAIM_BYTES: Final = 50
"""What a claim takes in an item beside its hashes: shard, position, lengths, the element of a list."""
PAGE_BYTES: Final = 60
"""A page's key and attributes."""
WATERMARK_BYTES: Final = 32
"""A shard's watermark in a page."""


@dataclass(frozen=True, slots=True)
class AveragePage:
    """What comes to one time slot and lane."""

    appends: float
    """Batches that append to it."""
    claims: float
    """Claims of one append: about one a delivery."""
    hashes: float
    """Hashes of one append."""
    shards: float
    """Shards whose watermarks it holds."""

    @property
    def counted_bytes(self) -> float:
        """The bytes of one append, as the processor reckons them."""
        return self.claims * COUNTED_CLAIM_BYTES + self.hashes * HASH_BYTES

    @property
    def stored_bytes(self) -> float:
        """The bytes of one append in the item."""
        return self.claims * STORED_CLAIM_BYTES + self.hashes * HASH_BYTES


@lru_cache(maxsize=4096)  # sizes are searched for, and each step comes back to the same pages
def units_of(page: AveragePage) -> float:
    """Write units of all appends to a slot and lane, with all of its pages."""
    whole = floor(page.appends)
    part = page.appends - whole
    return (1 - part) * _units(page, whole) + part * _units(page, whole + 1)


def _units(page: AveragePage, appends: int) -> int:
    """Write units of so many appends, by one shard after the other. A full page costs a refused write before
    the next is tried, once for each shard: its process remembers it (:mod:`stream_processor.full_pages`).
    """
    stored_share = page.stored_bytes / page.counted_bytes if page.counted_bytes else 0.0
    base = PAGE_BYTES + WATERMARK_BYTES * min(page.shards, max(appends, 1))
    size = 0.0
    units = full_pages = 0
    known = [0] * max(1, round(page.shards))  # by shard: the units of the full pages that it remembers
    for number in range(appends):
        shard = number % len(known)
        units += full_pages - known[shard]
        left = page.counted_bytes
        while left > 0:
            taken = min(left, MOST_AT_ONCE)
            size += taken
            left -= taken
            units += _size_units(base + size * stored_share)
            if size >= PAGE_FULL_AT:
                full_pages += _size_units(base + size * stored_share)
                size = 0.0
        known[shard] = full_pages
    return units


def _size_units(size: float) -> int:
    return ceil(size / UNIT_BYTES)
