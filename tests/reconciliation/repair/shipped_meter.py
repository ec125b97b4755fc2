"""The shipped stream processor beside repairs, whose counters can be made not to answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.ledger import DynamoDBLedger
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.slices import DynamoDBSlices
from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import CounterAnswer, Increment, Status
from stream_processor.processor import BatchReport, Processor
from tests.reconciliation.month_end import Deployment


class Counters(DynamoDBCounters):
    """Counters of which some do not answer."""

    silent_length = 0
    """Of the periods that do not: 7 for months, 10 for days."""
    silent_lengths: tuple[int, ...] = ()

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        return [
            CounterAnswer(Status.UNAVAILABLE)
            if len(one.period) in (self.silent_length, *self.silent_lengths)
            else super(Counters, self).add([one])[0]
            for one in increments
        ]


class Meter:
    """The shipped stream processor on the tables of a deployment."""

    def __init__(self, deployment: Deployment, rule: BillingRule | None = None) -> None:
        stack = deployment.cloud.stack
        updates = ConditionalUpdates(deployment.dynamodb, 1)
        ledger = stack.name("LedgerTable")
        now = datetime(2026, 10, 31, 12, tzinfo=UTC)
        self.counters = Counters(deployment.settings.counters_table, updates)
        self.processor = Processor(
            DynamoDBLedger(ledger, updates, clock=lambda: now),
            DynamoDBSlices(deployment.settings.counters_table, updates),
            self.counters,
            DynamoDBProgress(deployment.settings.counters_table, updates),
            layout=LedgerLayout(5_000),
            rule=rule or BillingRule(),
        )

    def process(self, *records: StreamRecord) -> BatchReport:
        """Count a batch."""
        return self.processor.process(records)
