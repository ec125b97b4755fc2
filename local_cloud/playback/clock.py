"""The local cloud's clock, which follows the log being played."""

import threading
from datetime import UTC, datetime


class LogClock:
    """The time of CloudWatch Logs in the local cloud.

    It is the real time until a log is played; from then on it is the latest time that was reached in that
    log, so that a log of any age is written "now". CloudWatch Logs takes events from 14 days before to 2
    hours after its time
    (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html).
    """

    def __init__(self) -> None:
        self._reached: datetime | None = None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The log's time while one is played, otherwise the real time (aware, UTC)."""
        with self._lock:
            return self._reached or datetime.now(UTC)

    def follow(self, moment: datetime) -> None:
        """The log has reached ``moment``; the clock never goes back."""
        with self._lock:
            self._reached = max(self._reached or moment, moment)

    def release(self) -> None:
        """Return to the real time: the log has ended."""
        with self._lock:
            self._reached = None
