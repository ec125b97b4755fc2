"""Real processes of the shipped function, killed with SIGKILL at random moments, on a real DynamoDB engine.

    make chaos                                    # 100,000 calls, at least 50 kills
    python -m simulation.processes.crash_test --calls 5000 --kills 5 --json FILE

The event source mapping of the local cloud invokes the function in a process of its own. Some invocations are
killed midway, some run in two processes at once, and deliveries come twice. Afterwards every counter is
compared with what was sent. AWS_ENDPOINT_URL_DYNAMODB must name the engine (`python -m tests.dynamodb_local`
starts one).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adapters.settings.process import external_dynamodb, inherited
from local_cloud.lambda_.event_source_mapping import MappingInvocation
from local_cloud.stack import LocalCloud
from simulation.processes.oracle import counted, deliveries, differences, expected

ROOT = Path(__file__).resolve().parents[2]
SHARDS = 2
DUPLICATE_SHARE = 0.06
KILLED_SHARE = 0.5
SPARE_PROCESSES = 3
DOUBLED_SHARE = 0.15
REPORT_EVERY_SECONDS = 5
LONGEST_SECONDS = 1800
PARAMETERS: Mapping[str, object] = {
    "StreamMode": "PROVISIONED",
    "ShardCount": SHARDS,
    "BatchSize": 30,
    "BatchingWindowSeconds": 1,
    "LedgerSlotSeconds": 60,
}
"""Small batches, so that there is much to kill; wide slots, since hours are played in a minute."""


@dataclass(slots=True)
class CrashTestResult:
    """What was done to the processes, and what it did to the counters."""

    calls: int = 0
    deliveries: int = 0
    duplicate_deliveries: int = 0
    invocations: int = 0
    kills: int = 0
    doubled: int = 0
    """Invocations that ran in two processes at once."""
    counters: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Worker:
    """One process of the function."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulation.processes.worker"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._errors: list[str] = []
        threading.Thread(target=self._read_errors, daemon=True).start()

    def invoke(self, event: Any) -> Any:
        """The function's answer to an event.

        Raises:
            ProcessEndedError: the process ended before it answered.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ProcessEndedError("the process has no pipes")
        with suppress(BrokenPipeError):
            stdin.write(json.dumps(event) + "\n")
            stdin.flush()
        answer = stdout.readline()
        if not answer.endswith("\n"):
            raise ProcessEndedError(f"exit code {self._process.wait()}: {''.join(self._errors[-12:])}")
        return json.loads(answer)

    def kill(self) -> bool:
        """Send SIGKILL; whether there was anything to kill."""
        if self._process.poll() is not None:
            return False
        self._process.send_signal(signal.SIGKILL)
        return True

    def close(self) -> None:
        """End the process, at whatever it is."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _read_errors(self) -> None:
        if self._process.stderr is not None:
            with self._process.stderr as stderr:
                self._errors.extend(line for line in stderr if not line.startswith('{"_aws"'))


class ProcessEndedError(Exception):
    """A process of the function ended without an answer."""


class Workers:
    """The function as the event source mapping sees it: some of its processes are killed, some run double."""

    def __init__(
        self, environment: Mapping[str, str], seed: int, kills: int, result: CrashTestResult
    ) -> None:
        self._environment = environment
        self._random = random.Random(seed)
        self._kills = kills
        self._result = result
        self._spare = [Worker(environment) for _ in range(SPARE_PROCESSES)]
        self._usual_seconds = 0.3
        self._pool = ThreadPoolExecutor(1)

    def handler(self, event: dict[str, Any], _context: Any) -> Any:
        """Invoke a process, and do to it what the dice say."""
        self._result.invocations += 1
        if self._random.random() < DOUBLED_SHARE:
            return self._invoke_doubled(event)
        worker = self._take()
        killer = self._arm(worker)
        began = time.monotonic()
        try:
            answer = worker.invoke(event)
        except ProcessEndedError:
            worker.close()
            raise
        finally:
            if killer is not None:
                killer.cancel()
                killer.join()
        self._usual_seconds += (time.monotonic() - began - self._usual_seconds) / 5
        self._give_back(worker)
        return answer

    def close(self) -> None:
        """End all processes."""
        self._pool.shutdown()
        for worker in self._spare:
            worker.close()

    def _invoke_doubled(self, event: dict[str, object]) -> object:
        """The same batch in two processes at once: one that Lambda took for dead, and its successor."""
        self._result.doubled += 1
        one, other = self._take(), self._take()
        concurrent = self._pool.submit(one.invoke, event)
        answer = other.invoke(event)
        concurrent.result()
        self._give_back(one)
        self._give_back(other)
        return answer

    def _arm(self, worker: Worker) -> threading.Timer | None:
        if self._result.kills >= self._kills or self._random.random() >= KILLED_SHARE:
            return None
        timer = threading.Timer(self._random.uniform(0, self._usual_seconds), self._kill, [worker])
        timer.start()
        return timer

    def _kill(self, worker: Worker) -> None:
        self._result.kills += worker.kill()

    def _take(self) -> Worker:
        worker = self._spare.pop() if self._spare else Worker(self._environment)
        while len(self._spare) < SPARE_PROCESSES - 1:
            self._spare.insert(0, Worker(self._environment))
        return worker

    def _give_back(self, worker: Worker) -> None:
        if len(self._spare) < SPARE_PROCESSES:
            self._spare.append(worker)
        else:
            worker.close()


def run(calls: int, kills: int, seed: int, dynamodb: str) -> CrashTestResult:
    """Send the traffic through processes that are killed, and compare."""
    result, began = CrashTestResult(calls=calls), time.monotonic()
    with LocalCloud(PARAMETERS, dynamodb_endpoint=dynamodb) as cloud:
        sent = list(deliveries(calls, seed))
        put(cloud, sent, random.Random(seed), result)
        environment = inherited() | cloud.environment("StreamProcessorFunction")
        workers = Workers(environment, seed, kills, result)
        try:
            watch(cloud, workers, result)
        finally:
            workers.close()
        found = counted(cloud)
        result.counters = len(found)
        result.differences = differences(expected(sent), found)
    result.seconds = round(time.monotonic() - began, 1)
    return result


def put(cloud: LocalCloud, sent: list[dict[str, Any]], dice: random.Random, result: CrashTestResult) -> None:
    """Put every delivery into the stream, and some of them once more, at once or later."""
    late: list[bytes] = []
    for delivery in sent:
        data = gzip.compress(json.dumps(delivery).encode())
        copies = [data]
        if dice.random() < DUPLICATE_SHARE:
            (late if dice.random() < 0.5 else copies).append(data)
            result.duplicate_deliveries += 1
        if late and dice.random() < DUPLICATE_SHARE:
            copies.append(late.pop(dice.randrange(len(late))))
        for copy in copies:
            cloud.stream.put(f"{dice.getrandbits(128):032x}", copy)
    for copy in late:
        cloud.stream.put(f"{dice.getrandbits(128):032x}", copy)
    result.deliveries = len(sent)


def watch(cloud: LocalCloud, workers: Workers, result: CrashTestResult) -> None:
    """Drain the stream, reporting every few seconds how far it is."""
    total, counted_records, reported = result.deliveries + result.duplicate_deliveries, 0, time.monotonic()

    def on_invocation(invocation: MappingInvocation) -> None:
        nonlocal counted_records, reported
        counted_records += len(invocation.processed)
        if time.monotonic() - reported > REPORT_EVERY_SECONDS:
            reported = time.monotonic()
            line = f"{counted_records:,} of {total:,} deliveries counted, {result.kills} kills"
            print(line, file=sys.stderr, flush=True)

    with cloud.mapping("StreamProcessorFunction", "Calls", workers.handler, on_invocation) as mapping:
        mapping.drain(timeout=LONGEST_SECONDS)


def main() -> int:
    """The command. Exits 1 if a counter is wrong or too few processes were killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=60, help="stop after this many kills")
    parser.add_argument("--at-least", type=int, help="fail if fewer were killed (default: 5 in 6 of --kills)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    dynamodb = external_dynamodb()
    if dynamodb is None:
        parser.error("AWS_ENDPOINT_URL_DYNAMODB is not set: run `make chaos`, which starts DynamoDB Local")
    result = run(options.calls, options.kills, options.seed, dynamodb)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2))
    report(result)
    at_least = options.kills * 5 // 6 if options.at_least is None else options.at_least
    if result.kills < at_least:
        print(f"only {result.kills} kills, {at_least} were asked for: give more --calls", file=sys.stderr)
    return int(bool(result.differences) or result.kills < at_least)


def report(result: CrashTestResult) -> None:
    """Print what happened."""
    share = result.duplicate_deliveries / max(1, result.deliveries)
    for name, value in (
        ("calls", f"{result.calls:,}"),
        ("deliveries", f"{result.deliveries:,}"),
        ("duplicate deliveries", f"{result.duplicate_deliveries:,} ({share:.1%})"),
        ("invocations", f"{result.invocations:,}"),
        ("processes killed", f"{result.kills:,}"),
        ("batches in two processes at once", f"{result.doubled:,}"),
        ("counters compared", f"{result.counters:,}"),
        ("differences", f"{len(result.differences):,}"),
        ("seconds", f"{result.seconds}"),
    ):
        print(f"{name:34}{value:>20}")
    for difference in result.differences[:20]:
        print(difference)


if __name__ == "__main__":
    sys.exit(main())
