"""What a month end is run with: the shipped parts, or one that is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from adapters.firehose import FirehoseFreshness
from metering.counters.ports import Ledger
from reconciliation.closing import Closer
from reconciliation.model.report import Report
from reconciliation.ports import Path
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.ports import Barrier, CorrectionStore
from reconciliation.repair.scope import Scope
from reconciliation.repair.trust import scope_of
from simulation.month_end.firehose import DELIVERY_STREAM, LOG_GROUP, SimulatedCloudWatch
from simulation.month_end.stores import VersionedCompleteness
from simulation.protocol.store import SimulatedCompleteness, SimulatedProgress

UtcClock = Callable[[], datetime]


def shipped_path(cloudwatch: SimulatedCloudWatch, clock: UtcClock) -> Path:
    """How far the lake is complete."""
    return FirehoseFreshness(cast("Any", cloudwatch), DELIVERY_STREAM, [LOG_GROUP], clock)


def shipped_scope(report: Report, lower: str) -> Scope:
    """What of a report is repaired."""
    return scope_of(report, f"differs from the lake by report {report.run_id}", lower)


@dataclass(frozen=True, slots=True)
class MonthEndMeter:
    """The parts of a month end."""

    name: str = "shipped"
    breaks: str = "nothing"
    ledger: Callable[[Ledger], Ledger] = lambda shipped: shipped
    delivered: Callable[[SimulatedCloudWatch, UtcClock], Path] = shipped_path
    scope: Callable[[Report, str], Scope] = shipped_scope
    barrier: Callable[[StreamBarrier], Barrier] = lambda shipped: shipped
    store: Callable[[CorrectionStore], CorrectionStore] = lambda shipped: shipped
    report: Callable[[Report], Report] = lambda shipped: shipped
    """What a closing takes for its comparison."""
    closer: type[Closer] = Closer
    completeness: Callable[[SimulatedProgress], SimulatedCompleteness] = VersionedCompleteness
    """Of the world of operations; in the other one a restore is not to be noticed."""


SHIPPED_MONTH_END = MonthEndMeter()
