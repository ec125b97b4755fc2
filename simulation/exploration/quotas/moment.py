"""A moment of two authorizers of a limit, as numbers, and what a step is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from simulation.exploration.quotas.quota_world import DAYS


class QuotaEvent(StrEnum):
    """What happens in a step."""

    CALLED = "a call comes"
    ANSWERED = "a request is answered"
    UNANSWERED = "a request gets no answer"
    """A fault. A write is made at any later moment, or never."""
    LANDED = "a write is made that got no answer"
    KILLED = "an authorizer is killed"
    """A fault. Its last write is made at any later moment, or never."""
    CLOCK_SET = "an authorizer's clock is set"
    """A fault."""
    LINE_COUNTED = "the line of a call is counted"
    GIVEN_UP = "Lambda gives up the batch with a call"
    """A fault. A repair counts the call at any later moment."""
    TIME_PASSED = "time passes"


class QuotaStep(NamedTuple):
    """What happened, to which authorizer, and the number of what it is about."""

    event: QuotaEvent
    authorizer: int = -1
    about: int = 0


class QuotaState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers: equal moments are equal tuples."""

    time: int
    authorizers: tuple[tuple[int, int], ...]
    """The number of each, and the seconds by which its clock is wrong."""
    records: tuple[int, ...]
    """What each place of leases holds."""
    in_the_air: tuple[int, ...]
    """Writes without an answer that have not been made, in order."""
    lines: tuple[int, ...]
    """Calls that were let through and are not counted, in order."""
    counted: tuple[int, ...]
    """Calls by key and day."""
    calls: int
    """So many may still come."""
    faults: int
    """So many may still strike."""


class Line(NamedTuple):
    """A call that was let through and is not counted."""

    key: int
    day: int
    time: int
    """The number of the moment at which it was let through."""
    is_given_up: bool = False


def line_of(code: int) -> Line:
    """A line by its number."""
    rest, is_given_up = divmod(code, 2)
    rest, time = divmod(rest, 16)
    key, day = divmod(rest, len(DAYS))
    return Line(key, day, time, bool(is_given_up))


def code_of(line: Line) -> int:
    """The number of a line."""
    return ((line.key * len(DAYS) + line.day) * 16 + line.time) * 2 + line.is_given_up


def with_authorizer(state: QuotaState, index: int, number: int, skew: int) -> QuotaState:
    """The state after an authorizer has become another one, or has another clock."""
    others = state.authorizers
    return state._replace(authorizers=(*others[:index], (number, skew), *others[index + 1 :]))
