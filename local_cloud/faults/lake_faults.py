"""Faults on the way into the lake: the transform fails, storage fails, the delivery stream crashes."""

import random
from collections import Counter
from collections.abc import Callable, Iterator

from botocore.exceptions import EndpointConnectionError

from local_cloud.crash import CrashError
from local_cloud.firehose.delivery_stream import Interference
from local_cloud.lambda_.function import FunctionError

_MOST_FAILURES = 2
_INVOCATION_KINDS = ("failed_transform", "lost_transform_answer")

_BATCHES_BETWEEN = (1, 8)
_WRITES_BETWEEN_FAILURES = (2, 12)
_WRITES_BETWEEN_CRASHES = (2, 10)


class LakeFaults(Interference):
    """Faults that a lake with at-least-once delivery survives: nothing is lost, rows may repeat.

    An invocation fails once or twice, which is less often than a delivery stream repeats it. The first crash
    and the first failed write come with the first or second object, so that a short run sees them too; later
    ones are apart, so that every run ends.
    """

    def __init__(self, generator: random.Random, injected: Counter[str]) -> None:
        self._random = generator
        self._injected = injected
        self._failures = 0
        self._kind = _INVOCATION_KINDS[0]
        self._disturbed_batch = self._occasions(_BATCHES_BETWEEN)
        self._failed_write = self._occasions(_WRITES_BETWEEN_FAILURES)
        self._crash = self._occasions(_WRITES_BETWEEN_CRASHES)

    def around_invocation(self, invoke: Callable[[], object], attempt: int) -> object:
        """Fail the first attempts of some batches, before the function runs or after."""
        if attempt == 1:
            self._failures = self._random.randint(1, _MOST_FAILURES) if next(self._disturbed_batch) else 0
            self._kind = self._random.choice(_INVOCATION_KINDS)
        if attempt > self._failures:
            return invoke()
        self._injected[self._kind] += 1
        if self._kind == "failed_transform":
            raise FunctionError("the function was not reached")
        invoke()
        raise FunctionError("the function's answer was lost")

    def before_write(self, key: str) -> None:
        """Let a write fail, and the next one pass."""
        if next(self._failed_write):
            self._injected["failed_lake_write"] += 1
            raise EndpointConnectionError(endpoint_url=f"s3://{key}")

    def after_write(self, key: str) -> None:
        """Crash with an object written whose records are not acknowledged."""
        if next(self._crash):
            self._injected["crash_after_object"] += 1
            raise CrashError(f"crash after {key}")

    def _occasions(self, between: tuple[int, int]) -> Iterator[bool]:
        """Whether it is time, for one occasion after another; the first time is soon."""
        pause = self._random.randint(0, 1)
        while True:
            for _ in range(pause):
                yield False
            yield True
            pause = self._random.randint(*between)
