"""Units of the ledger: each append pays for the whole page that it appends to, and each shard reads the pages
that others have filled.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Final, NamedTuple

UNIT_BYTES: Final = 1024
"""Of a write unit."""
READ_UNIT_BYTES: Final = 8 * 1024
"""Of a read unit, where a read is eventually consistent."""

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


class PageUnits(NamedTuple):
    """What the pages of a slot and lane take."""

    writes: float
    reads: float


@lru_cache(maxsize=4096)  # sizes are searched for, and each step comes back to the same pages
def units_of(page: AveragePage) -> PageUnits:
    """Units of all appends to a slot and lane, with all of its pages."""
    whole = floor(page.appends)
    part = page.appends - whole
    below, above = _units(page, whole), _units(page, whole + 1)
    return PageUnits(*((1 - part) * low + part * high for low, high in zip(below, above, strict=True)))


def _units(page: AveragePage, appends: int) -> PageUnits:
    """Units of so many appends, by one shard after the other, as :mod:`stream_processor.full_pages` makes
    them. A shard that comes to the slot when its first page is full reads all pages; one that was in time is
    refused once by the page that it wrote to last, if that is full by now, and reads those behind it.
    """
    stored_share = page.stored_bytes / page.counted_bytes if page.counted_bytes else 0.0
    base = PAGE_BYTES + WATERMARK_BYTES * min(page.shards, max(appends, 1))
    size = 0.0
    writes, reads = 0, 0.0
    full: list[float] = []
    """The sizes of the pages that are full."""
    come_to: list[int | None] = [None] * max(1, round(page.shards))  # by shard: the page that it writes to
    for number in range(appends):
        shard = number % len(come_to)
        first = come_to[shard]
        if first is not None and first < len(full):
            writes += _size_units(full[first])
            first += 1
            reads += _read_units(base + size * stored_share)
        elif first is None and full:
            first = 0
            reads += _read_units(base + size * stored_share)
        reads += sum(map(_read_units, full[first:] if first is not None else ()))
        left = page.counted_bytes
        while left > 0:
            taken = min(left, MOST_AT_ONCE)
            size += taken
            left -= taken
            writes += _size_units(base + size * stored_share)
            if size >= PAGE_FULL_AT:
                full.append(base + size * stored_share)
                size = 0.0
        come_to[shard] = len(full)
    return PageUnits(writes, reads)


def _size_units(size: float) -> int:
    return ceil(size / UNIT_BYTES)


def _read_units(size: float) -> float:
    return ceil(size / READ_UNIT_BYTES * 2) / 2
