"""What a local cloud stores, and what that takes of memory."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.stack import LocalCloud
from simulation.soak.memory import (
    ITEM_BYTES,
    LOG_EVENT_BYTES,
    OBJECT_BYTES,
    RECORD_BYTES,
    StoredData,
    resident_bytes,
    stored_data,
)

COUNT = 60
LINES = 50


def test_resident_bytes() -> None:
    """Memory that is written to is seen."""
    before = resident_bytes()
    kept = b"x" * (64 * 2**20)
    assert len(kept) * 0.9 < resident_bytes() - before < len(kept) * 1.5


@pytest.mark.exhaustive
def test_stored_data() -> None:
    """All that is stored is counted, and takes about what is reckoned with for it, as Python counts the bytes
    that it allocates. (Beside it, a process allocates some 60 KB once.)
    """
    with LocalCloud({"StreamMode": "PROVISIONED", "ShardCount": 2}) as cloud:
        s3, dynamodb, logs = (cloud.client(name) for name in ("s3", "dynamodb", "logs"))
        bucket, table = cloud.stack.name("LakeBucket"), cloud.stack.name("CountersTable")
        logs.create_log_stream(logGroupName=cloud.log_group, logStreamName="soak")

        def put_object(number: int) -> None:
            s3.put_object(Bucket=bucket, Key=f"lake/year=2026/month=11/day=28/{number:064d}", Body=b"x" * 100)

        def put_item(number: int) -> None:
            counts: dict[str, Any] = {f"count{one}": {"N": f"{10**9 + one}"} for one in range(14)}
            key = {"pk": {"S": f"key:{number:010d}"}, "sk": {"S": "2026-11-28#3"}}
            dynamodb.put_item(TableName=table, Item={**key, **counts})

        def put_record(number: int) -> None:
            cloud.stream.put(f"{number:016x}", b"x" * 300)

        def put_lines(number: int) -> None:
            events = [{"timestamp": round(time.time() * 1000), "message": f"{number}"} for _ in range(LINES)]
            logs.put_log_events(logGroupName=cloud.log_group, logStreamName="soak", logEvents=events)

        taken = {put: _allocated(put) for put in (put_object, put_item, put_record, put_lines)}
        found = stored_data(cloud, 2 * COUNT * LINES)
    assert StoredData(2 * COUNT, 2 * COUNT * 100, 2 * COUNT, 4 * COUNT, 2 * COUNT * LINES) == found
    reckoned = {
        put_object: OBJECT_BYTES + 100,
        put_item: ITEM_BYTES,
        put_record: RECORD_BYTES,
        put_lines: RECORD_BYTES + LINES * LOG_EVENT_BYTES,
    }
    assert {} == {
        put.__name__: (taken[put], most)
        for put, most in reckoned.items()
        if not 0.6 < taken[put] / most < 1.25
    }


def _allocated(put: Callable[[int], None]) -> float:
    """Bytes that each of some further things takes."""
    for number in range(COUNT):
        put(number)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(COUNT):
            put(COUNT + number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / COUNT
    finally:
        tracemalloc.stop()
