"""What several clients did at the same time: each operation with the moments at which it began and ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

NEVER: Final = 1 << 62
"""The end of an operation whose client was killed before it had an answer."""


NO_EFFECT: Final = object()
"""The answer of an operation that surely changed nothing and says nothing: it is left out of a history."""


class Operation(NamedTuple):
    """One operation on one object."""

    client: str
    call: Hashable
    """What was asked for."""
    answer: object
    """What came back; None where the client got no answer."""
    began: int
    """Nanoseconds of the machine's monotonic clock, which its processes share."""
    ended: int = NEVER

    @property
    def is_answered(self) -> bool:
        """Whether it took effect for sure, and between its two moments."""
        return self.ended < NEVER


class History:
    """Records operations of several threads."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._lock = threading.Lock()

    def record(self, client: str, call: Hashable, perform: Callable[[], object]) -> object:
        """Perform an operation and note it. The answer None is one that did not come."""
        began = time.monotonic_ns()
        answer = perform()
        if answer is NO_EFFECT:
            return answer
        ended = NEVER if answer is None else time.monotonic_ns()
        with self._lock:
            self.operations.append(Operation(client, call, answer, began, ended))
        return answer

    def note(self, operation: Operation) -> None:
        """Note an operation of another process."""
        with self._lock:
            self.operations.append(operation)
