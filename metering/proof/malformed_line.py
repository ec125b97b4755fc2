"""Lines that lie in the lake as malformed, with their text, so that they can be read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class MalformedLine(NamedTuple):
    """A log event that was malformed when it was read."""

    event_id: str
    """The id of the log event."""
    logged_at_ms: int
    """In epoch milliseconds."""
    reason: str
    """Why, as it was said then; empty: rows of long ago have none."""
    text: str | None
    """None: the lake does not keep it."""


class MalformedLines(NamedTuple):
    """Those of one object of the lake."""

    tag: str
    """Of the object's content: a write on the condition of it comes after no other's."""
    lines: Sequence[MalformedLine]
