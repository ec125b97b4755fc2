"""What a world runs: the shipped processor on the simulated store, or a broken variant of either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from metering.billing_rule import BillingRule
from metering.counters.ledger_layout import LayoutSource
from simulation.protocol.invocation import BatchProcessor, InvocationEnvironment
from simulation.protocol.store import (
    SimulatedCounters,
    SimulatedLedger,
    SimulatedProgress,
    SimulatedStore,
    Store,
)
from simulation.protocol.watch import SendHeartbeats
from stream_processor.processor import Processor
from watch.tasks import send_heartbeats

RULE: Final = BillingRule()
"""One for all processes: what is read under it is read once."""

Clock = Callable[[], int]
"""Epoch milliseconds."""


def simulated_store(clock: Clock) -> SimulatedStore:
    """An empty store."""
    return SimulatedStore(SimulatedLedger(clock), SimulatedCounters(), SimulatedProgress())


def shipped_processor(environment: InvocationEnvironment, layout: LayoutSource) -> BatchProcessor:
    """The processor as it is deployed."""
    return Processor(*(environment,) * 4, layout=layout, rule=RULE, read=environment.read)


@dataclass(frozen=True, slots=True)
class Meter:
    """A processor, a watch and a store."""

    name: str = "shipped"
    breaks: str = "nothing"
    store: Callable[[Clock], Store] = simulated_store
    processor: Callable[[InvocationEnvironment, LayoutSource], BatchProcessor] = shipped_processor
    send_heartbeats: SendHeartbeats = send_heartbeats


SHIPPED = Meter()
