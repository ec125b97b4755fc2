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


RESERVED_MARK: Final = "!"
"""What begins with it is no key of a caller."""
UNATTRIBUTED_KEY: Final = "-"
MALFORMED_KEY: Final = "!malformed"
UNDECODABLE_KEY: Final = "!undecodable"

OUTCOME_OF_KEY: Final = {
    UNATTRIBUTED_KEY: Outcome.UNATTRIBUTED,
    MALFORMED_KEY: Outcome.MALFORMED,
    UNDECODABLE_KEY: Outcome.UNDECODABLE,
}
"""The reserved keys. No line can name one: see :mod:`metering.calls.access_log`."""


def is_reserved(key: str) -> bool:
    """Whether a text stands for calls without a key, or would: nobody's API key can be called so."""
    return key == UNATTRIBUTED_KEY or key.startswith(RESERVED_MARK)


def outcome_of_key(key: str) -> Outcome:
    """The outcome of everything that is counted under a key."""
    return OUTCOME_OF_KEY.get(key, Outcome.METERED)
