"""What a search goes through: states, what may happen in each of them, and what must hold there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

State = TypeVar("State")
Step_co = TypeVar("Step_co", covariant=True)


class StateSpace(Protocol[State, Step_co]):
    """All states of a small world on one meter."""

    @property
    def start(self) -> State:
        """Nothing has happened."""
        ...

    def steps(self, state: State) -> Iterator[tuple[Step_co, State]]:
        """Everything that may happen next, each with the state after it."""
        ...

    def violation(self, state: State) -> str | None:
        """Which promise a state breaks, if any."""
        ...

    def packed(self, state: State) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        ...

    def unpacked(self, packed: bytes) -> State:
        """The state that bytes are of."""
        ...
