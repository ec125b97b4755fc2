"""The real log as it lies on all three sides: in the log group, in the counters and in the lake."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_call, read_line
from metering.calls.call import Call
from metering.calls.delivery import LogEvent
from metering.counters.counter import Counter
from metering.period import Period, day_of, hour_at, month_of
from metering.usage import NO_USAGE
from tests.reconciliation.month_end import Deployment

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_SENT_AT_ONCE = 1_000
_OBJECTS_OF_A_DAY = 3


@cache
def real_events() -> tuple[LogEvent, ...]:
    """The log's lines as CloudWatch holds them: each logged at the latest time so far."""
    events = []
    logged_at = 0
    for place, line in enumerate(real_lines()):
        own_time = read_line(line).time or 0
        logged_at = max(logged_at, own_time)
        events.append(LogEvent(f"{place:056d}", logged_at, line))
    return tuple(events)


def real_lines() -> Iterator[str]:
    """The lines of the file."""
    (path,) = _DATA.glob("access-log-*.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file)


@cache
def real_calls() -> tuple[Call, ...]:
    """The calls that the lines are."""
    rule = BillingRule()
    return tuple(read_call(event, rule) for event in real_events())


def is_here() -> bool:
    """Whether the real log is on this machine."""
    return any(_DATA.glob("access-log-*.jsonl.gz"))


def log(deployment: Deployment, events: Sequence[LogEvent], stream: str = "stage") -> None:
    """Write events into a stream of the log group, and nowhere else."""
    logs, group = deployment.logs, deployment.cloud.log_group
    for found in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]:
        logs.delete_subscription_filter(logGroupName=group, filterName=found["filterName"])
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for start in range(0, len(events), _SENT_AT_ONCE):
        sent = events[start : start + _SENT_AT_ONCE]
        deployment.cloud.clock.follow(datetime.fromtimestamp(sent[-1].timestamp / 1000, UTC))
        answer = logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": event.timestamp, "message": event.message} for event in sent],
        )
        assert not answer.get("rejectedLogEventsInfo")


def by_object(calls: Sequence[Call]) -> dict[tuple[Period, int], list[Call]]:
    """The calls as they lie in the lake: a few objects for each day."""
    ordered = sorted(calls, key=lambda call: call.time_ms)
    found: dict[tuple[Period, int], list[Call]] = {}
    for day, group in groupby(ordered, key=lambda call: day_of(hour_at(call.time_ms))):
        of_day = list(group)
        length = -(-len(of_day) // _OBJECTS_OF_A_DAY)
        for place in range(_OBJECTS_OF_A_DAY):
            found[day, place] = of_day[place * length : (place + 1) * length]
    return found


def land(deployment: Deployment, place: tuple[Period, int], calls: Sequence[Call]) -> str:
    """Put the object of a place into the lake, in place of the one that lies there; its address."""
    day, part = place
    deployment.land(list(calls), day, f"part-{part}")
    year, month, day_of_month = day.split("-")
    folder = f"year={year}/month={month}/day={day_of_month}"
    return f"s3://{deployment.settings.lake_bucket}/lake/{folder}/part-{part}.parquet"


class HeldCounters:
    """The counters as a table would hold them, in memory: thousands of items take moto a minute."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._counters: dict[tuple[str, Period], Counter] = {}
        self.count(calls)

    def of_period(self, period: Period) -> Iterator[Counter]:
        """Those of a month and its days."""
        return (counter for counter in self._counters.values() if counter.period.startswith(period))

    def count(self, calls: Iterable[Call], times: int = 1) -> None:
        """Add calls to both their counters, or take them out of both (-1)."""
        for call in calls:
            hour = hour_at(call.time_ms)
            usage = call.usage if times > 0 else NO_USAGE - call.usage
            for period, part in ((month_of(hour), hour[8:10]), (day_of(hour), hour[11:13])):
                self.add(Counter(call.key, period, usage, {part: times}))

    def add(self, counter: Counter) -> None:
        """Add to a counter, whatever it is."""
        place = counter.key, counter.period
        before = self._counters.get(place, Counter(*place, NO_USAGE))
        self._counters[place] = before + counter
