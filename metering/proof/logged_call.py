"""Calls as the log groups have them, when they are asked."""

from __future__ import annotations

from typing import NamedTuple

from metering.calls.call import Call
from metering.errors import MeterError


class LoggedCall(NamedTuple):
    """A call as a log group has it."""

    call: Call
    logged_at_ms: int
    """When its line was written, in epoch milliseconds."""


class TooManyLines(MeterError):
    """The log has too many lines to look through them all."""
