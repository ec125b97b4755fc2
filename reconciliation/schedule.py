"""What an event asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from metering.errors import Misconfigured
from metering.period import Period, is_month, parse_period

LAST_MONTH_ON: Final = 2
"""The day of the month on which the month before is reconciled: by then all of it has reached the lake."""


def months_of(event: Mapping[str, Any]) -> list[Period]:
    """The month that an event names (`{"month": "2026-10"}`). A scheduled event has a `time`, and asks for
    the month that was running then; on the 2nd for the one before it, too, and first.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html

    Raises:
        Misconfigured: it is neither.
    """
    if "month" in event:
        return [_month(event["month"])]
    time = _time(event)
    running = Period(f"{time:%Y-%m}")
    before = Period(f"{time.replace(day=1) - timedelta(days=1):%Y-%m}")
    return [before, running] if time.day == LAST_MONTH_ON else [running]


def run_of(event: Mapping[str, Any], request_id: str) -> str:
    """The id of the run that an event asks for. EventBridge may send an event of a schedule twice, and Lambda
    repeats one that failed under the same id of the request: the run is the same each time.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html
    """
    if "month" not in event:
        return f"{_time(event):%Y-%m-%dT%H}"
    return f"{request_id}-incomplete" if allows_incomplete(event) else request_id


def allows_incomplete(event: Mapping[str, Any]) -> bool:
    """Whether a month is to be compared though it is not complete."""
    return event.get("allow_incomplete") is True


def _month(text: object) -> Period:
    try:
        period = parse_period(str(text))
    except ValueError as error:
        raise Misconfigured([str(error)]) from error
    if not is_month(period):
        raise Misconfigured([f"{period} is not a month: write it as 2026-10"])
    return period


def _time(event: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(event["time"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured([f"the event has neither a month (2026-10) nor a time: {error}"]) from error
