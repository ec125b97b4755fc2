"""Broken month ends. Each breaks one rule, and the comparison with what was called must catch all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from metering.counters.ports import Append, Ledger, LedgerAnswer
from metering.period import Period
from metering.proof.correction import Audit, Correction, Fate, Held, HeldCounters
from reconciliation.model.report import Report
from reconciliation.ports import Path
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.ports import CorrectionStore
from reconciliation.repair.scope import Scope
from simulation.month_end.firehose import SimulatedCloudWatch
from simulation.month_end.meter import SHIPPED_MONTH_END, MonthEndMeter, UtcClock, shipped_scope


class _WithoutLag:
    """A path that takes off no time that Firehose is behind the stream."""

    def __init__(self, cloudwatch: SimulatedCloudWatch, clock: UtcClock) -> None:
        self._metrics, self._clock = cloudwatch.metrics, clock

    def complete_through(self) -> datetime | None:
        """The freshness alone."""
        found = self._metrics.freshness
        if not found:
            return None
        begins, age = found[-1]
        return datetime.fromtimestamp(begins / 1000, self._clock().tzinfo) - timedelta(seconds=age)


class _WithoutMarks:
    """Corrections that leave the watermarks where they are."""

    def __init__(self, shipped: CorrectionStore) -> None:
        self._shipped = shipped

    def read(self, key: str, month: Period) -> HeldCounters:
        """The port's."""
        return self._shipped.read(key, month)

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int]) -> Fate:
        """Whatever the marks are."""
        return self._shipped.write(one, held, audit, {} if marks else marks)


class _NoWaiting:
    """A barrier that waits for nothing."""

    def __init__(self, shipped: StreamBarrier) -> None:
        self._shipped = shipped

    def pass_through(self) -> Mapping[str, int]:
        """The marks, at once."""
        return self._shipped._positions.load()[1]  # noqa: SLF001 - what it would wait for


class _MarksOfTheBegin:
    """A barrier whose marks are where the shards were counted when the waiting began."""

    def __init__(self, shipped: StreamBarrier) -> None:
        self._shipped = shipped

    def pass_through(self) -> Mapping[str, int]:
        """The marks, when all is counted."""
        at_first = self._shipped._positions.load()[1]  # noqa: SLF001 - as above
        return {**self._shipped.pass_through(), **at_first}


class _Presumed:
    """A ledger of which claims below the watermark are taken for made, and for the first."""

    def __init__(self, shipped: Ledger) -> None:
        self._shipped = shipped

    def append(self, appends: Sequence[Append]) -> Sequence[LedgerAnswer]:
        """The port's, with the claims that are missing."""
        pairs = zip(appends, self._shipped.append(appends), strict=True)
        return [_with_missing(append, answer) for append, answer in pairs]


def _with_missing(append: Append, answer: LedgerAnswer) -> LedgerAnswer:
    made = {(one.shard_id, one.position) for one in answer.page.claims}
    mark = answer.page.watermark or 0
    missing = [
        one for one in append.claims if one.position <= mark and (one.shard_id, one.position) not in made
    ]
    return answer._replace(page=answer.page._replace(claims=(*missing, *answer.page.claims)))


def _vouched(_cloudwatch: SimulatedCloudWatch, clock: UtcClock) -> Path:
    return _Now(clock)


class _Now:
    """A path that is complete whatever the metrics say."""

    def __init__(self, clock: UtcClock) -> None:
        self._clock = clock

    def complete_through(self) -> datetime | None:
        """Now."""
        return self._clock()


def _believing(report: Report, lower: str) -> Scope:
    """Follows the lake whatever its findings say."""
    return shipped_scope(report, lower)._replace(keys=None, followed=None, lower="it holds too much")


def _agreed(report: Report) -> Report:
    """A closing that does not look at what differs."""
    return msgspec.structs.replace(
        report, differences=[], differences_found=0, contradictions=[], contradictions_found=0, altered_rows=0
    )


BROKEN_MONTH_ENDS = (
    MonthEndMeter(
        "lag-forgotten",
        "the lake's path does not count how far Firehose is behind",
        delivered=_WithoutLag,
    ),
    MonthEndMeter("path-vouched", "the lake is called complete whatever its metrics say", delivered=_vouched),
    MonthEndMeter("claims-presumed", "claims below a watermark are taken for made", ledger=_Presumed),
    MonthEndMeter("lake-believed", "a repair follows a lake that its findings doubt", scope=_believing),
    MonthEndMeter("marks-forgotten", "a repair leaves the watermarks where they are", store=_WithoutMarks),
    MonthEndMeter(
        "marks-too-early",
        "a repair's marks lie before what was given up just before it",
        barrier=_MarksOfTheBegin,
    ),
    MonthEndMeter("in-flight", "a repair does not wait for what is in flight", barrier=_NoWaiting),
    MonthEndMeter("sealed-unproven", "a month is sealed whatever differs", report=_agreed),
)
"""Each is caught within a thousand seeds, by `tests/simulation/month_end/test_broken.py`."""

MONTH_ENDS = {meter.name: meter for meter in (SHIPPED_MONTH_END, *BROKEN_MONTH_ENDS)}
