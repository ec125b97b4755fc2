"""Contests: every contestant runs once a round, and what counts is the ratio within a round.

On a shared machine a clock says little: it slows down for seconds at a time. Two contestants that run one
after the other meet the same conditions, and the median over the rounds forgets the rounds in which they
did not. Time is the processor's, so that waiting for other programs is not counted.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

Contestant = Callable[[], object]


class Contest:
    """The times of several contestants, in seconds of processor time, round by round."""

    def __init__(self, contestants: Mapping[str, Contestant], rounds: int) -> None:
        """Run them: one round first that is not counted, then `rounds`, each in an order of its own."""
        self.seconds: dict[str, list[float]] = {name: [] for name in contestants}
        gc.collect()
        gc.freeze()  # what else this process has loaded is no concern of the contestants'
        try:
            self._run(contestants, rounds)
        finally:
            gc.unfreeze()

    def _run(self, contestants: Mapping[str, Contestant], rounds: int) -> None:
        names = list(contestants)
        for number in range(rounds + 1):
            start = number % len(names)
            for name in names[start:] + names[:start]:
                taken = _seconds(contestants[name])
                if number:
                    self.seconds[name].append(taken)

    def median(self, name: str) -> float:
        """The seconds of a contestant."""
        return median(self.seconds[name])

    def times_faster(self, name: str, than: str) -> float:
        """How many times faster a contestant is than another: the median over the rounds."""
        return median(_ratios(self.seconds[than], self.seconds[name]))


def _seconds(contestant: Contestant) -> float:
    gc.collect()
    begun = time.process_time()
    contestant()
    return time.process_time() - begun


def _ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(above, below, strict=True)]
