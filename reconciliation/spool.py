"""Records that are more than memory holds, in a temporary file.

They are compressed in blocks. What fits into one block stays in memory, and no file is made for it.
"""

from __future__ import annotations

import bisect
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final, TypeVar, overload

import msgspec
from isal import isal_zlib

BLOCK_BYTES: Final = 1 << 17
"""Of the records of a block, before they are compressed."""
_LEVEL: Final = 1
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[bytes]).decode
Thing = TypeVar("Thing")


class SpoolFile:
    """A temporary file with blocks of several spools. It is gone when nobody uses it any more."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0

    def write(self, block: bytes) -> tuple[int, int]:
        """Keep a block; where it is."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="usage-meter-")  # noqa: SIM115 - closed with the spools
            weakref.finalize(self, self._file.close)
        self._file.seek(self._end)
        self._file.write(block)
        place = self._end, len(block)
        self._end += len(block)
        return place

    def read(self, place: tuple[int, int]) -> bytes:
        """A block."""
        if self._file is None:
            raise ValueError("nothing was written yet")
        self._file.seek(place[0])
        return self._file.read(place[1])


class RecordSpool:
    """Records in the order in which they were added; read by their number, or one after the other."""

    def __init__(self, file: SpoolFile | None = None, block_bytes: int = BLOCK_BYTES) -> None:
        """`file` is shared by several; None: it has one of its own."""
        self._file = file or SpoolFile()
        self._block_bytes = block_bytes
        self._places: list[tuple[int, int]] = []
        self._begins: list[int] = []
        """The number of each block's first record."""
        self._last: list[bytes] = []
        """Records that are not in a block yet."""
        self._size = 0
        self._read: tuple[int, list[bytes]] = (-1, [])
        """The block that was read last."""
        self._count = 0

    def add(self, record: bytes) -> int:
        """Add a record; its number."""
        self._last.append(record)
        self._size += len(record)
        self._count += 1
        if self._size >= self._block_bytes:
            self._begins.append(self._count - len(self._last))
            self._places.append(self._file.write(isal_zlib.compress(_encode(self._last), _LEVEL)))
            self._last, self._size = [], 0
        return self._count - 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> bytes:
        if number >= self._count - len(self._last):
            return self._last[number - self._count + len(self._last)]
        block = bisect.bisect_right(self._begins, number) - 1
        return self._block(block)[number - self._begins[block]]

    def __iter__(self) -> Iterator[bytes]:
        for block in range(len(self._places)):
            yield from self._block(block)
        yield from self._last

    def _block(self, number: int) -> list[bytes]:
        if self._read[0] != number:
            self._read = (number, _decode(isal_zlib.decompress(self._file.read(self._places[number]))))
        return self._read[1]


class SpoolView(Sequence[Thing]):
    """What the records of a spool stand for, each read when it is wanted."""

    def __init__(
        self, spool: RecordSpool, read: Callable[[bytes], Thing], numbers: Sequence[int] | None = None
    ) -> None:
        """`numbers` are those of the records, in the order of the view; None: all, in theirs."""
        self._spool = spool
        self._read = read
        self._numbers = range(len(spool)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Thing: ...
    @overload
    def __getitem__(self, index: slice) -> list[Thing]: ...
    def __getitem__(self, index: int | slice) -> Thing | list[Thing]:
        if isinstance(index, slice):
            return [self._read(self._spool[number]) for number in self._numbers[index]]
        return self._read(self._spool[self._numbers[index]])
