"""The demo from the first line to the proof.

progress = Progress(log.total)
with Demo(DemoSettings(log), progress) as demo:
    demo.play()
    demo.settle()
    result = demo.reconcile()
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from local_cloud.api_gateway.gateway import MeteredGateway
from local_cloud.demo.parameters import replay_parameters
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.proof import prove
from local_cloud.demo.result import DemoResult, Sent
from local_cloud.demo.source import AccessLog
from local_cloud.demo.stream_audit import audit
from local_cloud.faults.chaos import Chaos
from local_cloud.pipeline import LONGEST_SECONDS, MakeProcessor, Pipeline
from local_cloud.playback.player import AccessLogPlayer, Pace
from local_cloud.stack import LocalCloud
from metering.period import Period

MOST_IN_FLIGHT = 2_000
"""Log events that are sent ahead of the counters, without a pace: the meter is never far behind, and its
batches are large enough to be cheap.
"""
MOST_IN_FLIGHT_ON_MOTO = 4_000
"""moto takes 7 ms for a conditional update, so that fewer and larger batches are worth a longer wait."""

_LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What is played, and under which conditions."""

    log: AccessLog
    chaos_seed: int | None = None
    """Draws faults; None injects none."""
    speed: float | None = None
    """So many times as fast as the log was written; None is as fast as the meter counts."""
    dynamodb_endpoint: str | None = None
    """A DynamoDB on this machine, in place of moto's."""
    lines_of_a_request: int = 30
    """Lines that are put at a time, on average; each such request becomes a delivery."""
    make_processor: MakeProcessor | None = None
    """Makes another stream processor than the shipped one."""


class Demo:
    """One run of the demo, as a context manager: the local cloud lives as long as the block."""

    def __init__(self, settings: DemoSettings, progress: DemoProgress) -> None:
        self._settings = settings
        self._progress = progress
        self._has_moto = settings.dynamodb_endpoint is None
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        settings, progress = self._settings, self._progress
        parameters = replay_parameters(settings.log, external_dynamodb=settings.dynamodb_endpoint is not None)
        with ExitStack() as ends:
            self.cloud = ends.enter_context(
                LocalCloud(parameters, dynamodb_endpoint=settings.dynamodb_endpoint)
            )
            self.cloud.deliveries.listeners.append(lambda _stream, data: progress.flow.deliver(data))
            chaos = None if settings.chaos_seed is None else Chaos(settings.chaos_seed)
            if chaos is not None:
                progress.faults = lambda: chaos.injected
            self._pipeline = ends.enter_context(
                Pipeline(self.cloud, progress.listeners, chaos=chaos, make_processor=settings.make_processor)
            )
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, KeyboardInterrupt):  # who interrupts does not wait for a batch to end
            self._ends.close()

    def play(self) -> None:
        """Write the log to the log group.

        Raises:
            UnreadableLogError, LogEventsRejectedError: it cannot be played whole.
            MappingFailedError, TimeoutError: the local cloud has a fault.
        """
        progress, settings, speed = self._progress, self._settings, self._settings.speed
        progress.phase = "playing the log"
        logs = self.cloud.client("logs")
        logs.meta.events.register("before-call.logs.PutLogEvents", lambda **_: progress.flow.put_begins())
        player = AccessLogPlayer(
            logs,
            self.cloud.clock,
            self.cloud.log_group,
            mean_lines=settings.lines_of_a_request,
            on_calls=MeteredGateway(self.cloud).take,
        )
        for played in player.play(settings.log.lines(), None if speed is None else Pace(speed)):
            progress.note_sent(played)
            if speed is None:
                self._await_room()

    def settle(self) -> None:
        """Wait until everything is counted and has landed, without waiting for windows and buffers.

        Raises:
            MappingFailedError, DeliveryFailedError, TimeoutError: the local cloud has a fault.
        """
        self._progress.phase = "counting and delivering the rest"
        self._pipeline.drain()

    def reconcile(self) -> DemoResult:
        """Prove what was counted, month by month.

        Raises:
            MeterError: something could not be read.
        """
        progress, pipeline = self._progress, self._pipeline
        progress.phase = "reading the stream once more"
        stream = audit(self.cloud.stream, pipeline.rule)

        def on_month(month: Period) -> None:
            progress.phase = f"reconciling {month}"

        proof = prove(self.cloud, stream.months, on_month)
        return DemoResult(
            Sent(progress.sent, pipeline.mapping.progress.discarded),
            stream,
            proof,
            progress.flow.freshness(),
            progress.faults(),
            progress.seconds,
        )

    def _await_room(self) -> None:
        most_in_flight = MOST_IN_FLIGHT_ON_MOTO if self._has_moto else MOST_IN_FLIGHT
        waited = 0.0
        while not self._progress.flow.await_room(most_in_flight, _LOOK_AGAIN_SECONDS):
            self._pipeline.mapping.check()
            waited += _LOOK_AGAIN_SECONDS
            if waited > LONGEST_SECONDS:
                raise TimeoutError(f"nothing was counted for {LONGEST_SECONDS} s")
