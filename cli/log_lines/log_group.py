"""The last lines of a log group, as a sample."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from metering.calls.line_sample import SampledLine

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

BACK: Final = timedelta(hours=1)
_MOST_PAGES: Final = 100
"""A page may be empty and not be the last: FilterLogEvents gives back what it found in some time."""


def recent_lines(logs: CloudWatchLogsClient, group: str, now: datetime, most: int) -> Iterator[SampledLine]:
    """The lines of the last hour, oldest first, up to `most`."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int((now - BACK).timestamp() * 1000),
        PaginationConfig={"MaxItems": most, "PageSize": min(most, 10_000)},
    )
    for number, page in enumerate(pages, 1):
        for event in page["events"]:
            yield SampledLine(event["message"], event["timestamp"])
        if number == _MOST_PAGES:
            return
