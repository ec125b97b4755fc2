"""The shipped watch, running in a local cloud."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.dynamodb.completeness import CompletenessBook
from adapters.kinesis import KinesisStream
from adapters.s3.object_listing import S3Objects
from adapters.settings.functions import WatchSettings
from adapters.telemetry import Telemetry
from local_cloud.lambda_.function import FunctionError, LambdaFunction
from local_cloud.stack import LocalCloud
from local_cloud.telemetry import quiet_telemetry
from watch.handler import make_handler, make_source_watch

SECONDS = 2.0
"""Between two runs, of real time. AWS's schedule says a minute; whoever watches a local cloud waits for
less, and a log that is played passes many minutes in so long.
"""

RUNS_OF_A_LOOK = 5
"""At the source, as on AWS."""

_HEARTBEAT = {"task": "heartbeat"}
_SOURCE = {"task": "source"}

logger = logging.getLogger(__name__)


def watch_function(cloud: LocalCloud, tools: Telemetry, client: Callable[[str], Any]) -> LambdaFunction:
    """The watch's function with the template's settings; `client` makes the boto3 client of a service."""
    settings = WatchSettings.from_environment(cloud.environment("WatchFunction"))
    handler = make_handler(
        settings,
        KinesisStream(client("kinesis"), settings.stream_name),
        CompletenessBook(client("dynamodb"), settings.counters_table, settings.ledger_table),
        S3Objects(client("s3")),
        # records arrive by the real time, and the log's clock may run ahead of it
        replace(make_source_watch(settings, client), arrivals=None),
        tools,
        cloud.clock.now,
    )
    return cloud.function("WatchFunction", handler)


class WatchLoop:
    """Invokes the watch's function again and again, from :meth:`start` to :meth:`stop`. Its clock is that of
    the cloud: the log's own while one is played.
    """

    def __init__(self, cloud: LocalCloud, seconds: float = SECONDS) -> None:
        self._counts = cloud.counts
        self._function = watch_function(cloud, quiet_telemetry("watch"), cloud.client)
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the run in hand and stop."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_once(self) -> None:
        """Send a heartbeat now. A failure is reported, and the next heartbeat tries again."""
        try:
            self._function.invoke(_HEARTBEAT)
        except FunctionError as error:
            logger.warning("a run of the watch failed: %s", error)

    def look_at_source(self) -> None:
        """Look whether all calls reach the stream. A look that fails is logged, and tried again."""
        self._counts.send()
        try:
            self._function.invoke(_SOURCE)
        except FunctionError as error:
            logger.warning("a look at the source failed: %s", error)

    def _run(self) -> None:
        runs = 0
        while not self._ended.wait(self._seconds):
            self.run_once()
            if runs % RUNS_OF_A_LOOK == 0:
                self.look_at_source()
            runs += 1
