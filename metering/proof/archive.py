"""The archive of a month: the counters of its days, as objects that take their place in the table. Pure.

A *part* holds slices of counters in the order of key, day and slice, as lines of JSON, compressed. The
*index* names the parts, each by its SHA-256, with the first and the last key in it: what one key has is in
one part or two. Slices leave the table, and come back, in *batches*; a *mark* in the table says how many of
the batches are out. So at each instant a counter is what the table holds of it, and what those batches hold.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice, product
from typing import Final, NamedTuple, Protocol

import msgspec

from metering.bucket_layout import ARCHIVES
from metering.counters.counter import Counter
from metering.errors import MeterError
from metering.period import Period
from metering.proof.billing_chain import digest_of
from metering.usage import Usage, total

ROWS_OF_A_BATCH: Final = 99
"""With the mark they are the hundred actions that a transaction of DynamoDB may have."""
BATCHES_OF_A_PART: Final = 200
MONTHS_IN_THE_TABLE: Final = 3
"""Look-ups of so many months before the running one read the table alone."""
MONTHS_NOT_ARCHIVED: Final = MONTHS_IN_THE_TABLE + 1
"""So many are never archived. The clocks of whoever archives and of whoever looks up may differ."""
MOST_COMPARED: Final = 6
"""Slices of a day whose sums are compared with what the table holds of it."""
FORMAT: Final = "usage-meter/archive/1"
_LEVEL: Final = 6


class StoredSlice(msgspec.Struct, frozen=True, gc=False):
    """A slice of a counter, as the table holds it."""

    counter: Counter
    number: int
    watermarks: dict[str, bytes]
    """By attribute: the positions, as the table has them."""

    @property
    def key(self) -> str:
        """Whose counter it is."""
        return self.counter.key


class ArchivePart(msgspec.Struct, frozen=True):
    """An object with slices."""

    name: str
    sha256: str
    first: str
    """The key of its first slice."""
    last: str
    """The key of its last one."""
    rows: int


class ArchiveIndex(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds. It has no clock: the same counters give the same bytes."""

    format: str = FORMAT
    month: Period
    keys: int
    keys_left: int = 0
    """Whose counters stay in the table: calls came for them after the sealing."""
    rows: int
    rows_of_a_batch: int
    parts: list[ArchivePart]

    @property
    def batches(self) -> int:
        """The batches of all parts: a part begins with a new one."""
        return sum(self.batches_of(part) for part in self.parts)

    def batches_of(self, part: ArchivePart) -> int:
        """The batches of a part."""
        return -(-part.rows // self.rows_of_a_batch)

    def objects(self) -> dict[str, str]:
        """The parts: by name the SHA-256 of each."""
        return {part.name: part.sha256 for part in self.parts}


class ArchiveMark(NamedTuple):
    """What the table says of the archive of a month."""

    month: Period
    name: str
    """Of the index."""
    sha256: str
    """Of the index."""
    batches: int
    moved: int
    """So many batches, from the first on, are out of the table."""
    version: int = 0
    """Rises with each change, and goes on when the month is archived again: a mark is never what
    it was before.
    """

    @property
    def has_ended(self) -> bool:
        """Whether the month was restored, and is not archived any more."""
        return not self.batches

    @property
    def is_whole(self) -> bool:
        """Whether all are out of it."""
        return self.moved == self.batches

    def after(self, step: int) -> ArchiveMark:
        """The mark when one batch more is out, or with -1 one less."""
        return self._replace(moved=self.moved + step, version=self.version + 1)

    def ended(self) -> ArchiveMark:
        """What is left of it when the month is restored."""
        return ArchiveMark(self.month, "", "", 0, 0, self.version + 1)


class ArchiveMarks(Protocol):
    """The marks of archives. Transient and Misconfigured are the errors."""

    def read(self, month: Period) -> ArchiveMark | None:
        """The mark of a month; None: nothing of it is archived."""
        ...


class ArchivedMonthError(MeterError):
    """Counters of the month are in its archive; the text says how they come back."""

    def __init__(self, month: Period) -> None:
        super().__init__(
            f"{month} is archived: the counters of its days are not in the table. Bring them back with "
            f"`usage-meter archive {month} --restore`, then run this again"
        )


def check_not_archived(marks: ArchiveMarks | None, month: Period) -> None:
    """Raises ArchivedMonthError if any counter of the month is in an archive. None: there are no archives."""
    if marks is not None and marks.read(month) is not None:
        raise ArchivedMonthError(month)


def cut(rows: Iterable[StoredSlice], rows_of_a_part: int) -> Iterator[list[StoredSlice]]:
    """The rows of each part, in order."""
    source = iter(rows)
    while part := list(islice(source, rows_of_a_part)):
        yield part


def part_of(month: Period, rows: Sequence[StoredSlice]) -> tuple[ArchivePart, bytes]:
    """A part that holds these rows, and its content."""
    content = gzip.compress(_encode_rows(rows), _LEVEL, mtime=0)
    digest = digest_of(content)
    name = f"{ARCHIVES}{month}/{digest}.jsonl.gz"
    return ArchivePart(name, digest, rows[0].key, rows[-1].key, len(rows)), content


def read_part(content: bytes) -> list[StoredSlice]:
    """The rows of a part, in order.

    Raises:
        ValueError, EOFError, OSError: it is not a part.
    """
    return _decode_rows(gzip.decompress(content))


def index_content(index: ArchiveIndex) -> bytes:
    """An index as it is kept."""
    return _encode_index(index)


def index_name(month: Period, digest: str) -> str:
    """The name of an index, by the SHA-256 of its content."""
    return f"{index_prefix(month)}{digest}.json"


def index_prefix(month: Period) -> str:
    """What the names of a month's indexes begin with, and no other object's."""
    return f"{ARCHIVES}{month}/index-"


def read_index(content: bytes) -> ArchiveIndex:
    """The index that such a content holds.

    Raises:
        ValueError: it is not an index.
    """
    return _decode_index(content)


def parts_of_key(index: ArchiveIndex, key: str) -> Iterator[tuple[int, ArchivePart]]:
    """The parts in which a key may have rows, each with the number of its first batch."""
    first_batch = 0
    for part in index.parts:
        if part.first <= key <= part.last:
            yield first_batch, part
        first_batch += index.batches_of(part)


def rows_out(rows: Sequence[StoredSlice], index: ArchiveIndex, batches: int) -> Sequence[StoredSlice]:
    """Those rows of a part that are out of the table, where so many of its batches are."""
    return rows[: max(0, batches) * index.rows_of_a_batch]


class ArchivedSlice(NamedTuple):
    """A slice of an archive, and whether the mark counts it as out of the table."""

    row: StoredSlice
    is_out: bool


def not_in_table(held: Usage, archived: Sequence[ArchivedSlice]) -> list[StoredSlice]:
    """Of a day's slices in an archive, those that the table lacks, where it holds so much of the day.

    If that is nothing but some of these slices, it lacks the others, whatever the mark says: a backup of a
    table may be torn where a batch was moving. Else calls came for the day meanwhile, and the mark says it.
    """
    if len(archived) <= MOST_COMPARED:
        for chosen in product((False, True), repeat=len(archived)):
            if total(one.row.counter.usage for one in compress(archived, chosen)) == held:
                return [one.row for one, is_held in zip(archived, chosen, strict=True) if not is_held]
    return [one.row for one in archived if one.is_out]


_encode_rows: Final = msgspec.json.Encoder(order="deterministic").encode_lines
_decode_rows: Final = msgspec.json.Decoder(StoredSlice).decode_lines
_encode_index: Final = msgspec.json.Encoder().encode
_decode_index: Final = msgspec.json.Decoder(ArchiveIndex).decode
