"""The state of a month on its way from open to sealed, as a value."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from metering.period import Period
from metering.usage import NO_USAGE, Usage


class State(StrEnum):
    """Where a month stands."""

    OPEN = "open"
    CLOSING = "closing"
    SEALED = "sealed"


class DayDigest(msgspec.Struct, frozen=True):
    """The rows of a day, each event once, as one SHA-256 over all their columns."""

    rows: int
    sha256: str


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a month that is being closed, or was."""

    month: Period
    state: State
    begun_at: datetime
    begun_by: str
    report: str
    """The run of the reconciliation with which it is closed."""
    agrees: bool
    """Whether that reconciliation found no difference."""
    missing: list[str]
    """Why it was not complete, a sentence each."""
    differences: int
    """How many it found, contradictions among the counters too."""
    accepted: str = ""
    """Why the month is closed though not everything agrees; empty: there was nothing to accept."""
    sealed_at: datetime | None = None
    sealed_by: str = ""
    query_id: str = ""
    """The query that gave the usage as billed; its text and parameters follow from version and month."""
    usage_version: int = 1
    """Of the text of that query. The first one did not count calls without a known size."""
    usage: str = ""
    """The name of the object with the usage as billed."""
    digest: str = ""
    """SHA-256 of its content, in hexadecimal digits."""
    objects: str = ""
    """The name of the object with the names of the lake's objects that held the month's rows then; empty: it
    was sealed before there were digests of rows.
    """
    objects_digest: str = ""
    """SHA-256 of its content."""
    days: dict[str, DayDigest] = {}
    """By day, what it billed of the lake's rows: see docs/audit.md."""
    keys: int = 0
    total: Usage = NO_USAGE
    """The usage of all keys together, the reserved ones too."""


class Version(NamedTuple):
    """A state, and the tag by which a write checks that it has not changed."""

    closing: Closing
    tag: str
    content: bytes = b""
    """As it is kept."""
