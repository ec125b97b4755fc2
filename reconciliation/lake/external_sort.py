"""Counters put in order, however many there are: what does not fit into memory waits in temporary files."""

from __future__ import annotations

import heapq
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from operator import attrgetter
from typing import IO, Final

import msgspec

from metering.counters.counter import Counter

RUN_LENGTH: Final = 100_000
"""Counters that are held at a time: about 80 MB."""

_in_order = attrgetter("key", "period")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Counter).decode


def sorted_counters(counters: Iterable[Counter], run_length: int = RUN_LENGTH) -> Iterator[Counter]:
    """The same counters in the order of key and period."""
    with ExitStack() as files:
        source = iter(counters)
        runs: list[Iterator[Counter]] = []
        while run := sorted(itertools.islice(source, run_length), key=_in_order):
            if len(run) < run_length:
                runs.append(iter(run))
                break
            runs.append(_read(_written(run, files)))
        yield from heapq.merge(*runs, key=_in_order)


def _written(run: Iterable[Counter], files: ExitStack) -> IO[bytes]:
    file = files.enter_context(tempfile.TemporaryFile(prefix="usage-meter-"))  # noqa: SIM115 - files closes it
    file.writelines(_encode(counter) + b"\n" for counter in run)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[Counter]:
    return map(_decode, file)
