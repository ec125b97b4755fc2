"""The log groups of the access log, asked for single calls as long as they keep their lines.

FilterLogEvents reads what it searches, at 5 requests a second and region by default, and gives up to 10,000
events or 1 MB a page; a page may be empty and not be the last.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from adapters.errors import translated
from metering.billing_rule import BillingRule
from metering.calls.access_log import read_call
from metering.calls.delivery import LogEvent
from metering.proof.logged_call import LoggedCall, TooManyLines

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import FilterLogEventsRequestTypeDef

MOST_PAGES: Final = 500
"""A search ends after so many pages: some minutes. It is then as if the log had nothing to say."""
LONGEST_PATTERN: Final = 1024
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.:@/+=][A-Za-z0-9_.:@/+=-]*")


class AccessLogSearch:
    """What was logged, call by call."""

    def __init__(
        self,
        logs: CloudWatchLogsClient,
        groups: Sequence[str],
        rule: BillingRule,
        clock: Callable[[], datetime],
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """`clock` gives the time in UTC, for what a group has dropped by now. Once `is_over`, a search ends
        after its page.
        """
        self._is_over = is_over
        self._logs = logs
        self._groups = tuple(groups)
        self._rule = rule
        self._clock = clock
        self._retention: list[timedelta | None] | None = None
        self._held: dict[tuple[datetime, datetime], bool] = {}

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether all groups still keep what was logged from `start` on, and any has an event before `end`.

        Raises:
            Transient, Misconfigured: the groups cannot be read.
        """
        if (start, end) not in self._held:
            kept = all(days is None or self._clock() - days < start for days in self._retentions())
            self._held[start, end] = kept and any(
                next(self._events(group, start, end, limit=1), None) for group in self._groups
            )
        return self._held[start, end]

    def events(self, start: datetime, end: datetime) -> Iterator[LogEvent]:
        """What was logged from `start` until before `end`, group by group.

        Raises:
            TooManyLines: the search would take too long.
            Transient, Misconfigured: the groups cannot be read.
        """
        for group in self._groups:
            yield from self._events(group, start, end)

    def calls(self, keys: Sequence[str], start: datetime, end: datetime) -> Iterator[LoggedCall]:
        """The calls of keys whose lines were logged from `start` until before `end`, and some of other keys.

        Raises:
            TooManyLines: the search would take too long.
            Transient, Misconfigured: the groups cannot be read.
        """
        wanted = frozenset(keys)
        for group in self._groups:
            for pattern in patterns(keys):
                for event in self._events(group, start, end, pattern=pattern):
                    call = read_call(event, self._rule)
                    if call.key in wanted:
                        yield LoggedCall(call, event.timestamp)

    def _retentions(self) -> list[timedelta | None]:
        """How long each group keeps its events; None: for ever."""
        if self._retention is None:
            self._retention = [self._retention_of(group) for group in self._groups]
        return self._retention

    def _retention_of(self, group: str) -> timedelta | None:
        with translated(f"DescribeLogGroups of {group}"):
            pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
            found = [each for page in pages for each in page["logGroups"] if each["logGroupName"] == group]
        days = found[0].get("retentionInDays") if found else 0
        return None if days is None else timedelta(days=days)

    def _events(
        self, group: str, start: datetime, end: datetime, *, pattern: str = "", limit: int | None = None
    ) -> Iterator[LogEvent]:
        request: FilterLogEventsRequestTypeDef = {
            "logGroupName": group,
            "startTime": _ms(start),
            "endTime": _ms(end) - 1,
        }
        if pattern:
            request["filterPattern"] = pattern
        if limit is not None:
            request["limit"] = limit
        for _ in range(MOST_PAGES):
            with translated(f"FilterLogEvents of {group}"):
                page = self._logs.filter_log_events(**request)
            for event in page["events"]:
                yield LogEvent(str(event["eventId"]), event["timestamp"], event["message"])
            if "nextToken" not in page:
                return
            if self._is_over():
                raise TooManyLines(f"{group} from {start} to {end} has more pages than there is time for")
            request["nextToken"] = page["nextToken"]
        raise TooManyLines(f"{group} from {start} to {end} has more than {MOST_PAGES} pages")


def patterns(keys: Sequence[str]) -> list[str]:
    """Filter patterns that find the lines of these keys; an empty one, that finds all, where a key has no
    name in the line or one that a pattern cannot hold.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    if not all(_PLAIN_KEY.fullmatch(key) for key in keys):
        return [""]
    found = [""]
    for key in keys:
        term = f'($.apiKeyId = "{key}") || ($.authorizerKeyId = "{key}")'
        longer = f"{found[-1]} || {term}" if found[-1] else term
        if len(longer) + len("{  }") <= LONGEST_PATTERN:
            found[-1] = longer
        else:
            found.append(term)
    return [f"{{ {terms} }}" for terms in found]


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
