"""The local cloud's clock follows the log being played."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.playback.clock import LogClock

OCTOBER = datetime(2015, 10, 31, 23, 59, tzinfo=UTC)


def test_it_is_the_real_time_until_a_log_is_played() -> None:
    """Someone who writes to the local cloud by hand sees the real time, before a log is played and after."""
    clock = LogClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)

    clock.follow(OCTOBER)
    clock.release()

    assert before <= clock.now() <= datetime.now(UTC)


def test_it_never_goes_back_while_a_log_is_played() -> None:
    """A late line does not turn it back."""
    clock = LogClock()

    clock.follow(OCTOBER)
    clock.follow(OCTOBER - timedelta(hours=1))

    assert OCTOBER == clock.now()


@pytest.mark.parametrize("moment", [OCTOBER, datetime(2099, 1, 1, tzinfo=UTC)])
def test_a_log_of_any_age_is_accepted(moment: datetime) -> None:
    """CloudWatch Logs judges the age of an event by this clock: what is "now" in the log is taken."""
    rejected = put(moment, [moment])

    assert {} == rejected


def test_an_event_older_than_14_days_by_that_clock_is_refused() -> None:
    """The rule itself stays."""
    rejected = put(OCTOBER, [OCTOBER - timedelta(days=15), OCTOBER])

    assert {"tooOldLogEventEndIndex": 0} == rejected


def put(now: datetime, moments: list[datetime]) -> dict[str, Any]:
    """What CloudWatch Logs rejects of events of these moments when the clock says ``now``."""
    clock = LogClock()
    clock.follow(now)
    with LocalEndpoint(clock) as endpoint:
        logs = endpoint.client("logs")
        logs.create_log_group(logGroupName="g")
        logs.create_log_stream(logGroupName="g", logStreamName="s")
        events = [{"timestamp": int(moment.timestamp() * 1000), "message": "m"} for moment in moments]
        answer = logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    rejected: dict[str, Any] = answer.get("rejectedLogEventsInfo", {})
    return rejected
