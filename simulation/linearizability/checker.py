"""Whether a history is linearizable: whether its operations can have happened one after the other, each at a
moment between its beginning and its end, with the answers that they had.

Depth first through the orders, as Wing and Gong do it; what was tried (a set of operations that have
happened, and the object after them) is not tried again, as Lowe found. An operation without an answer may
have happened at any moment from its beginning on, or not at all.

https://doi.org/10.1006/jpdc.1993.1015 (Wing and Gong, Testing and Verifying Concurrent Objects)
https://doi.org/10.1002/cpe.3928 (Lowe, Testing for linearizability)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from simulation.linearizability.history import Operation

Apply = Callable[[Hashable, Hashable], tuple[Hashable, object]]
"""The object as it must behave: from its state and a call to the state after it and the answer."""


class Linearization(NamedTuple):
    """Whether there is an order, and the longest one that was found."""

    is_linearizable: bool
    order: tuple[Operation, ...]
    stuck: tuple[Operation, ...] = ()
    """Those that had to come next, and of which none has an answer that fits."""

    def __str__(self) -> str:
        if self.is_linearizable:
            return "linearizable"
        lines = [f"  {one.client}: {one.call} -> {one.answer}" for one in self.order]
        stuck = [f"  {one.client}: {one.call} -> {one.answer}" for one in self.stuck]
        return "\n".join(
            ["These can have happened, in this order:", *lines, "None of these can be next:", *stuck]
        )


def check(operations: Sequence[Operation], start: Hashable, apply: Apply) -> Linearization:
    """Look for an order of all operations that have an answer."""
    operations = sorted(operations, key=lambda one: one.began)
    answered = sum(1 << index for index, one in enumerate(operations) if one.is_answered)
    longest: tuple[int, ...] = ()
    at_longest = 0
    seen: set[tuple[int, Hashable]] = {(0, start)}
    paths: list[tuple[int, Hashable, tuple[int, ...]]] = [(0, start, ())]
    while paths:
        done, state, order = paths.pop()
        if done & answered == answered:
            return Linearization(is_linearizable=True, order=tuple(operations[index] for index in order))
        if len(order) > len(longest):
            longest, at_longest = order, done
        for index in _next(operations, done):
            one = operations[index]
            after, answer = apply(state, one.call)
            if one.is_answered and answer != one.answer:
                continue
            place = (done | 1 << index, after)
            if place not in seen:
                seen.add(place)
                paths.append((*place, (*order, index)))
    stuck = tuple(operations[index] for index in _next(operations, at_longest))
    return Linearization(
        is_linearizable=False, order=tuple(operations[index] for index in longest), stuck=stuck
    )


def _next(operations: Sequence[Operation], done: int) -> Iterator[int]:
    """The operations that may come next: those that began before every other one that is left has ended."""
    left = [index for index in range(len(operations)) if not done >> index & 1]
    earliest_end = min((operations[index].ended for index in left), default=0)
    return (index for index in left if operations[index].began <= earliest_end)
