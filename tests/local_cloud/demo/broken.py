"""Stream processors with a fault of their own: the demo must not call them exact."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.ledger import DynamoDBLedger
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.settings.functions import StreamProcessorSettings
from local_cloud.pipeline import MakeProcessor
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import (
    Append,
    CounterAnswer,
    Counters,
    Increment,
    Ledger,
    LedgerAnswer,
    Page,
    Status,
)
from metering.usage import Usage
from stream_processor.processor import Processor


def wrong(
    ledger: Callable[[Ledger], Ledger] = lambda right: right,
    counters: Callable[[Counters], Counters] = lambda right: right,
) -> MakeProcessor:
    """Makes processors that are the shipped ones but for a part of their storage."""

    def make(settings: StreamProcessorSettings, dynamodb: Any) -> Processor:
        updates = ConditionalUpdates(dynamodb, settings.write_concurrency)
        right_ledger = DynamoDBLedger(
            settings.ledger_table,
            updates,
            clock=lambda: datetime.now(UTC),
        )
        return Processor(
            ledger(right_ledger),
            DynamoDBSlices(settings.counters_table, updates),
            counters(DynamoDBCounters(settings.counters_table, updates)),
            DynamoDBProgress(settings.counters_table, updates),
            layout=LedgerLayout(settings.ledger_slot_seconds * 1000, settings.ledger_lanes),
            rule=settings.rule,
        )

    return make


class Forgetful:
    """A ledger that remembers nobody's claims."""

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Say to each that it is the first."""
        return [LedgerAnswer(Status.WRITTEN, Page(one.claims, one.claims[-1].position)) for one in appends]


class Changing:
    """Counters that add something else to the busiest of each batch than they are given."""

    def __init__(self, right: Counters, change: Callable[[Usage], Usage]) -> None:
        self._right = right
        self._change = change

    def add(self, increments: Sequence[Increment]) -> Sequence[CounterAnswer]:
        """Add, wrongly."""
        busiest = max(increments, key=lambda increment: increment.totals.requests)
        return self._right.add(
            [one._replace(totals=self._change(one.totals)) if one is busiest else one for one in increments]
        )


def changing(change: Callable[[Usage], Usage]) -> MakeProcessor:
    """Makes processors with such counters."""
    return wrong(counters=lambda right: Changing(right, change))


class Broken:
    """A ledger that cannot work."""

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Fail."""
        raise TypeError(f"no {len(appends)}")


forgetful = wrong(ledger=lambda _right: Forgetful())
broken = wrong(ledger=lambda _right: Broken())
