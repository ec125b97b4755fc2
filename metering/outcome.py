"""What becomes of a log event: every one has exactly one outcome, and each outcome is counted under a key."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The four fates of what the meter reads."""

    METERED = "metered"
    """A call with an API key: counted under it."""
    UNATTRIBUTED = "unattributed"
    """A call without a key."""
    MALFORMED = "malformed"
    """A log event that is no call."""
    UNDECODABLE = "undecodable"
    """A record that holds no log events that could be read."""


UNATTRIBUTED_KEY: Final = "-"
MALFORMED_KEY: Final = "!malformed"
UNDECODABLE_KEY: Final = "!undecodable"

OUTCOME_OF_KEY: Final = {
    UNATTRIBUTED_KEY: Outcome.UNATTRIBUTED,
    MALFORMED_KEY: Outcome.MALFORMED,
    UNDECODABLE_KEY: Outcome.UNDECODABLE,
}
"""The reserved keys. No line can name one: see :mod:`metering.calls.access_log`."""


def outcome_of_key(key: str) -> Outcome:
    """The outcome of everything that is counted under a key."""
    return OUTCOME_OF_KEY.get(key, Outcome.METERED)
