"""A document that decides money or limits, with the place at which each of its values is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys and indexes from the whole document to a value."""


class Place(NamedTuple):
    """Where something is written; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


class Fault(NamedTuple):
    """What is wrong at a place."""

    place: Place
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was written. It may be used only when it has no faults."""

    value: object
    faults: tuple[Fault, ...] = ()
    keys: Mapping[Path, Place] = field(default_factory=dict)
    """Where the key of an entry is written."""
    values: Mapping[Path, Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place | None:
        """Where the value at a path is written, or the nearest that holds it. None: it was not read from
        text.
        """
        known = (self.values[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.values)
        return next(known, None)
