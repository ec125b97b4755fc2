"""What the shipped reader made of the records of a world: it reads each of them once under each rule.

Reading is a pure function of record and rule, and a batch is attempted many times. So what was read is handed
out again at later attempts, to all processes of the world.
"""

from __future__ import annotations

from metering.billing_rule import BillingRule
from metering.calls.record import ReadRecord, StreamRecord, read_record


class Readings:
    """Does what :func:`metering.calls.record.read_record` does, and remembers it while the world lives."""

    def __init__(self) -> None:
        self.known: dict[tuple[StreamRecord, BillingRule], ReadRecord] = {}
        """By the whole record, its bytes too."""

    def __call__(self, record: StreamRecord, rule: BillingRule) -> ReadRecord:
        """The record, read."""
        found = self.known.get((record, rule))
        if found is None:
            found = self.known[record, rule] = read_record(record, rule)
        return found
