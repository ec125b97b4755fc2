"""A call: what the meter knows of one log event once it has been read."""

from __future__ import annotations

import msgspec

from metering.calls.event_id import event_hash
from metering.line_format.absent_number import Absent
from metering.outcome import MALFORMED_KEY, UNDECODABLE_KEY, Outcome, outcome_of_key
from metering.usage import Usage


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call, or what stands for a log event that is none: then only id, time and key say anything."""

    event_id: str
    event_hash: int
    """63 bits, see :mod:`metering.calls.event_id`."""
    time_ms: int
    """The call's own time, in epoch milliseconds."""
    key: str
    """The key that it is counted under: an API key id or one of the reserved keys."""
    billable: bool = False
    is_error: bool = False
    response_bytes: int | Absent = 0
    """Absent: not known, which is not 0."""
    request_bytes: int | Absent = 0
    """Likewise."""
    latency_ms: int = 0

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        return outcome_of_key(self.key)

    @property
    def usage(self) -> Usage:
        """The usage of this call alone."""
        return Usage(
            requests=1,
            billable=int(self.billable),
            errors=int(self.is_error),
            response_bytes=self.response_bytes or 0,
            request_bytes=self.request_bytes or 0,
            latency_ms=self.latency_ms,
            fingerprint=self.event_hash,
            unknown_response_sizes=int(self.response_bytes is Absent.DASH),
            unknown_request_sizes=int(self.request_bytes is Absent.DASH),
        )


def malformed(event_id: str, logged_at_ms: int) -> Call:
    """What stands for a log event that is no call: it is counted at the time at which it was logged."""
    return Call(event_id, event_hash(event_id), logged_at_ms, MALFORMED_KEY)


def undecodable(event_id: str, arrived_at_ms: int) -> Call:
    """What stands for a record that could not be decoded: it is counted at the time at which it arrived."""
    return Call(event_id, event_hash(event_id), arrived_at_ms, UNDECODABLE_KEY)
