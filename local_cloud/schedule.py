"""What the reconciliation adds up by schedule, for the pages of a local cloud: the calls of all keys by hour,
and of each key by endpoint.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from adapters.deployment import Deployment
from local_cloud.stack import LocalCloud
from metering.counters.traffic import HourCalls
from metering.errors import MeterError
from metering.period import Period, ends_at
from reconciliation.wiring import make_breakdowns, make_traffic

SECONDS: Final = 10.0
"""Between two runs, of real time. AWS's schedules say an hour and a day; whoever watches a local cloud waits
for less.
"""

_AFTER: Final = timedelta(milliseconds=1)
"""The last line of a log has the clock's time, and what is added up ends before the time of the run."""

logger = logging.getLogger(__name__)


class ScheduledRuns:
    """The runs of one cloud, by its own time: that of the log while one is played.

    What has landed is taken for all that there is: a call is in this lake some seconds after it was made.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        settings = Deployment(cloud.stack.outputs).reconciliation
        self._clock = cloud.clock
        self._traffic = replace(make_traffic(settings, cloud.client, self._now), delivered=None)
        self._breakdowns = make_breakdowns(settings, cloud.client)
        self._published: dict[Period, tuple[HourCalls, ...]] = {}

    def run(self) -> None:
        """Add up the running month and the one before. A failure is logged, and the next run tries again."""
        try:
            run_id = uuid.uuid4().hex  # one that is used again gives the former answer again
            for month in self._traffic.publish(run_id=run_id):
                if month.hours != self._published.get(month.month, ()):
                    until = min(self._now(), ends_at(month.month))
                    self._breakdowns.publish(month.month, until, run_id=run_id)
                    self._published[month.month] = month.hours
        except MeterError as error:
            logger.warning("calls could not be added up: %s", error)

    def _now(self) -> datetime:
        return self._clock.now() + _AFTER
