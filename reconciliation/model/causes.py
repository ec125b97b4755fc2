"""Why both sides differ at a call or a counter, and what to do about each cause. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from metering.period import Period
from metering.usage import Usage


class Cause(StrEnum):
    """What became of a call, a row or a counter."""

    LATE = "late"
    NOT_DELIVERED = "not yet delivered"
    WAITS = "waits under the error prefix"
    LOST_IN_LAKE = "lost on the way to the lake"
    NOT_COUNTED_YET = "not yet counted"
    NOT_COUNTED = "missing in the counters"
    COUNTED_TWICE = "counted twice"
    LOST = "lost on both paths"
    COUNTER_EDITED = "counter edited"
    ROW_ALTERED = "row altered in the lake"
    FOREIGN_ROW = "foreign row in the lake"
    DUPLICATE = "duplicate in the lake"
    DIFFERING_COPIES = "copies that differ in the lake"
    UNREADABLE_OBJECT = "object of the lake that cannot be read"
    UNREADABLE_COUNTER = "counter that cannot be read"
    LAKE_ALONE = "unknown cause: the lake alone has it"
    UNKNOWN = "unknown cause"


ADVICE: Final[dict[Cause, str]] = {
    Cause.LATE: "Compare again: the call arrived after the lake was read.",
    Cause.NOT_DELIVERED: "Wait until Firehose has delivered it, and compare again.",
    Cause.WAITS: "Run `usage-meter redrive`, and compare again.",
    Cause.LOST_IN_LAKE: "Bring the call into the lake from the log group: `usage-meter backfill --from "
    "DAY`; or restore the object, if one was deleted or moved.",
    Cause.NOT_COUNTED_YET: "Wait until the stream processor has counted it, and compare again.",
    Cause.NOT_COUNTED: "Look for its batch in the failure bucket; `--repair` adds the call to the counter.",
    Cause.COUNTED_TWICE: "Look at the ledger's claims of the call; `--repair --lower REASON` takes it out.",
    Cause.LOST: "Look whether the subscription failed; `usage-meter backfill --from DAY` brings the call in.",
    Cause.COUNTER_EDITED: "`--repair` resets the counter to the calls' real total.",
    Cause.ROW_ALTERED: "Restore the object from an earlier version; find out who may write to the lake.",
    Cause.FOREIGN_ROW: "Restore the object from an earlier version of it; nothing was logged of that call.",
    Cause.DUPLICATE: "Nothing: each event counts once. A whole object that repeats another may be removed.",
    Cause.DIFFERING_COPIES: "Restore the object from an earlier version: the copy that counts may be wrong.",
    Cause.UNREADABLE_OBJECT: "Restore it from an earlier version, or remove it if Firehose did not write it.",
    Cause.UNREADABLE_COUNTER: "Delete the item; `usage-meter rebuild MONTH --key KEY` makes it again.",
    Cause.LAKE_ALONE: "Not counted, or added by somebody: its batch in the failure bucket or an earlier "
    "version of the object tells which. `--repair` adds the call to the counter.",
    Cause.UNKNOWN: "The log no longer holds that time. Earlier versions of the day's objects, the failure "
    "bucket or an export of the log tell which side was changed.",
}

HARMLESS: Final = frozenset({Cause.DUPLICATE})
"""Causes that change nothing that is counted."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A call, a row of the lake or a counter at which both sides differ."""

    key: str
    period: Period
    """The day, or of a month's own counter the month."""
    cause: Cause
    note: str
    """The evidence for the cause, in a sentence."""
    event_id: str | None = None
    """None where it is a counter, or the call is known by its hash alone."""
    event_hash: int | None = None
    time: datetime | None = None
    """The call's own."""
    usage: Usage | None = None
    """That of the call; of a counter what it holds beyond the calls' real total."""
    objects: tuple[str, ...] = ()
    """Where it lies in the lake: `s3://...`."""

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.cause]
