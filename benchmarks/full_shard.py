"""A full shard: 1 MB of deliveries a second, and a DynamoDB that answers after 5 ms.

    python -m benchmarks.full_shard FILE ...

The deployed handler runs in a process of its own on one core, and is given whole invocations of 6 MB as JSON,
one after the other, as a shard with a backlog gives them. It prints what that took, and the most memory that
the process ever had.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from adapters.settings.process import inherited
from benchmarks.harness import slow_dynamodb
from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.traffic import Traffic, batches, kinesis_event
from stream_processor.handler import deployed_handler

DELAY_MS: Final = 5
FULL: Final = Traffic(rate=12_000, keys=2_000, seconds=14)
"""12,000 of these lines a second are 1 MB of gzip: the most that a shard takes."""
ENVIRONMENT: Final = {
    "COUNTERS_TABLE": "counters",
    "LEDGER_TABLE": "ledger",
    "WRITE_CONCURRENCY": "64",
    "LEDGER_SLOT_SECONDS": "1",
    "LEDGER_LANES": "4",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "POWERTOOLS_METRICS_NAMESPACE": "UsageMeter",
    "POWERTOOLS_SERVICE_NAME": "stream_processor",
}
"""As the template sets it for a busy stream."""
_MEGABYTE: Final = 1024 * 1024
_ROOT: Final = Path(__file__).resolve().parent.parent


def figures(size: Size) -> Iterator[Figure]:
    """How much faster than it arrives a full shard is counted, and in how much memory."""
    invocations = list(batches(FULL, window_seconds=FULL.seconds))[: size.of(3, 1)]
    calls = sum(record.lines for batch in invocations for record in batch)
    seconds_of_traffic = calls / FULL.rate
    results = [_result([kinesis_event(batch) for batch in invocations]) for _ in range(size.of(5, 1))]
    wall = min(result["wall"] for result in results)  # others on the machine only ever slow it down
    processor = min(result["processor"] for result in results)
    yield Figure(
        "a full shard",
        f"{calls:,} calls of a full shard in {len(invocations)} invocations, {FULL.keys:,} keys, one core, "
        f"{DELAY_MS} ms for each DynamoDB call",
        "the time in which they arrive",
        seconds_of_traffic / wall,
        3.0,
        is_ratio=False,
        details={
            "seconds of traffic": seconds_of_traffic,
            "seconds": wall,
            "processor seconds": processor,
            "calls/s": calls / wall,
            "MB of deliveries/s": sum(len(one.data) for batch in invocations for one in batch)
            / _MEGABYTE
            / wall,
        },
    )
    yield Figure(
        "memory of the consumer",
        "the most memory that the process ever had, with full invocations of 6 MB",
        "a quarter of the function's memory",
        max(result["peak"] for result in results),
        256,
        unit="MB",
        at_least=False,
        is_ratio=False,
    )


def _result(events: list[dict[str, object]]) -> dict[str, float]:
    """What a process of its own says of these invocations."""
    with TemporaryDirectory() as folder, slow_dynamodb.running(DELAY_MS) as endpoint:
        files = [Path(folder) / f"{number}.json" for number in range(len(events))]
        for file, event in zip(files, events, strict=True):
            file.write_text(json.dumps(event))
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.full_shard", *map(str, files)],
            check=True,
            capture_output=True,
            text=True,
            cwd=_ROOT,
            env={**inherited(), **ENVIRONMENT, "AWS_ENDPOINT_URL_DYNAMODB": endpoint},
        )
        result: dict[str, float] = json.loads(done.stdout)
        return result


def consume(files: Sequence[str]) -> dict[str, float]:
    """Give the deployed handler the payload in each file, and say what it took."""
    begun, processor = time.perf_counter(), time.process_time()
    handler = deployed_handler(lambda _stream: 0)
    for file in files:
        answer = handler(json.loads(Path(file).read_bytes()), _Context())
        if answer["batchItemFailures"]:
            raise AssertionError(f"a batch was cut short: {answer}")
    return {
        "wall": time.perf_counter() - begun,
        "processor": time.process_time() - processor,
        "peak": most_megabytes(),
    }


def most_megabytes() -> float:
    """The most memory that this program ever had. `getrusage` would return that of the process it came
    from.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class _Context:
    """What Powertools reads of Lambda's context."""

    function_name = "stream_processor"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:stream_processor"
    aws_request_id = "4b2a"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """An invocation that has just begun."""
        return 120_000


def main(*files: str) -> None:
    """Run on one core; what the function logs is thrown away."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with contextlib.redirect_stdout(io.StringIO()):
        result = consume(files)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
