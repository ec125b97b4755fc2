"""The memory of this process, and what it keeps in it by its nature: what the local cloud stores."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from local_cloud.stack import BUCKETS, TABLES, LocalCloud

_STATM: Final = Path("/proc/self/statm")
_SYSTEM: Final = ctypes.CDLL(None)
_M_ARENA_MAX: Final = -8
"""Of glibc's malloc.h."""

OBJECT_BYTES: Final = 5_000
"""Of memory for each object of S3, whose content lies on disk."""
ITEM_BYTES: Final = 5_000
"""For each item of DynamoDB."""
RECORD_BYTES: Final = 400
LOG_EVENT_BYTES: Final = 100
"""For each place of a log event, and its claim in the ledger."""


class StoredData(NamedTuple):
    """What a local cloud stores: how much."""

    objects: int
    object_bytes: int
    """On disk."""
    items: int
    """Of both tables."""
    records: int
    """Of the stream, whose data lies on disk."""
    log_events: int

    @property
    def memory_bytes(self) -> int:
        """What it takes of this process's memory."""
        return (
            OBJECT_BYTES * self.objects
            + ITEM_BYTES * self.items
            + RECORD_BYTES * self.records
            + LOG_EVENT_BYTES * self.log_events
        )


def stored_data(cloud: LocalCloud, log_events: int) -> StoredData:
    """What a cloud stores whose log has taken in so many events."""
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    sizes = [
        one["Size"]
        for bucket in BUCKETS
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=cloud.stack.name(bucket))
        for one in page.get("Contents", ())
    ]
    items = sum(
        page["Count"]
        for table in TABLES
        for page in dynamodb.get_paginator("scan").paginate(TableName=cloud.stack.name(table), Select="COUNT")
    )
    records = sum(len(shard.records) for shard in cloud.stream.shards.values())
    return StoredData(len(sizes), sum(sizes), items, records, log_events)


@contextmanager
def garbage_of_this_run() -> Iterator[None]:
    """The collector of garbage leaves alone what has been made so far: it takes a few milliseconds, and does
    not wait until a quarter as much as all modules is garbage.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def share_one_heap() -> None:
    """Threads that begin from now on share one heap, where the system is glibc's. By default each of them
    gets one of its own, of up to eight for each core: they keep what the largest query ever needed, whichever
    thread ran it, and that grows from query to query until each has run one.
    https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
    """
    if set_option := getattr(_SYSTEM, "mallopt", None):
        set_option(_M_ARENA_MAX, 1)


def resident_bytes() -> int:
    """What the process holds now, without garbage and without free pages, where the system gives them back;
    where it does not say, the most that the process ever held.
    """
    gc.collect()
    if give_back := getattr(_SYSTEM, "malloc_trim", None):
        give_back(0)
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
