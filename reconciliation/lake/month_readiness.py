"""How far a month is complete on both paths, as it can be read now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from metering.period import Period
from reconciliation.lake.firehose_errors import tally
from reconciliation.lake.readiness import VOUCHED, Paths, Readiness, readiness
from reconciliation.model.failed_records import ErrorReading
from reconciliation.ports import Path


def readiness_of(
    month: Period,
    now: datetime,
    counted: Path | None,
    delivered: Path | None,
    errors: Iterable[tuple[str, ErrorReading]],
) -> Readiness:
    """What of a month is complete, and what is missing. None: the caller vouches for that path. `errors` is
    what lies under the error prefix.

    Raises:
        MeterError: it cannot be read.
    """
    failed = tally(errors, month)
    paths = Paths(*(VOUCHED if path is None else path.complete_through() for path in (counted, delivered)))
    return readiness(month, now, paths, failed)
