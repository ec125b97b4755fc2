"""What can go wrong, split by what the caller must do.

MeterError
├── Malformed       a line that cannot be read as a call: count it, keep it, never retry
├── Undecodable     a record that holds no lines at all: likewise
├── QueryFailed     a query of the lake that ended without a result
├── Transient       the same attempt may work later: stop here, retry
└── Misconfigured   no retry helps until somebody changes a setting: raise the alarm
    └── UnreadableItem  ... until somebody repairs or removes a stored item
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_OBJECT: Final = re.compile(r"s3://[^\s:,()\[\]]+")


class MeterError(Exception):
    """Any error of the meter's own."""


class Malformed(MeterError):
    """A log event whose message is no access-log line. The text says why, with the value that is wrong;
    `reason` is one of a few, see :mod:`metering.calls.notes`.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class Undecodable(MeterError):
    """A record that is no delivery and no access-log line. The text says why."""


class QueryFailed(MeterError):
    """Athena ended a query without a result. The text has the reason and the query's id."""

    def __init__(self, query_id: str, state: str, reason: str) -> None:
        super().__init__(f"Athena query {query_id} {state}: {reason}")
        self.query_id = query_id
        self.state = state
        self.reason = reason

    @property
    def place(self) -> str | None:
        """The object that could not be read, if the reason names one: `s3://...`."""
        found = _OBJECT.search(self.reason)
        return None if found is None else found[0].rstrip(".")


class Transient(MeterError):
    """A service that did not answer, or asked to be called later."""


class Misconfigured(MeterError):
    """Invalid settings. `faults` holds one sentence for each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class UnreadableItem(Misconfigured):
    """A stored item that cannot be decoded: edited by hand, or written by a version that is newer. The text
    names it, and what is wrong with it.
    """

    def __init__(self, item: str, fault: str) -> None:
        super().__init__([f"the stored item {item} cannot be read: {fault}"])
