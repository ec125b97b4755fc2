"""The objects under the error prefix, read several at a time: a day's outage leaves tens of thousands."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from reconciliation.ports import ErrorPrefix

READERS: Final = 8
"""As many as the client has connections."""


def error_objects(prefix: ErrorPrefix) -> Iterator[tuple[str, bytes]]:
    """Names and contents in their order, without those that are gone meanwhile. A few are held at a time.

    Raises:
        MeterError: one cannot be read.
    """
    names = (one.name for one in prefix.objects())
    with ThreadPoolExecutor(READERS, "errors") as pool:
        while some := list(islice(names, READERS)):
            for name, content in zip(some, pool.map(prefix.read, some), strict=True):
                if content is not None:
                    yield name, content
