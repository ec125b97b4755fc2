"""The stream processor on a DynamoDB of ours, with everything that is counted of its writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Final

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from adapters.dynamodb.ledger import DynamoDBLedger
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.top_keys import DynamoDBTopKeys
from benchmarks.decoding import RULE
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import Append, LedgerAnswer, Status
from metering.counters.top_keys import TopKeys
from stream_processor.processor import Processor
from tests.tables import Tables

_BYTES_OF_A_UNIT: Final = 1024


@dataclass(slots=True)
class WriteUnits:
    """Write units, by what they were spent on."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def meter(self, what: str) -> list[float]:
        """Where the units of each write for a purpose are collected."""
        return self.of.setdefault(what, [])

    def spent(self) -> dict[str, float]:
        """The sum for each purpose."""
        return {what: sum(units) for what, units in self.of.items()}


class MeteredLedger(DynamoDBLedger):
    """The shipped ledger. A refused write is billed by the item's size, but DynamoDB does not say so."""

    refused_units: list[float]

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append, and note what refusals cost."""
        answers = super().append(appends)
        for answer in answers:
            if answer.status is Status.REFUSED:
                self.refused_units.append(ceil(answer.page.size / _BYTES_OF_A_UNIT))
        return answers


def processor(
    tables: Tables, units: WriteUnits, layout: LedgerLayout | None = None, concurrency: int = 16
) -> Processor:
    """A stream processor that writes into these tables."""

    def updates(what: str) -> ConditionalUpdates:
        dynamodb = client(concurrency, **tables.where)
        return ConditionalUpdates(dynamodb, concurrency, on_units=units.meter(what).append)

    ledger = MeteredLedger(tables.ledger, updates("ledger"), clock=lambda: datetime.now(UTC))
    ledger.refused_units = units.meter("refusals")
    return Processor(
        ledger,
        DynamoDBSlices(tables.counters, updates("slices")),
        DynamoDBCounters(tables.counters, updates("counters")),
        DynamoDBProgress(tables.counters, updates("progress")),
        layout=layout or LedgerLayout(),
        rule=RULE,
        heaviest=TopKeys(
            DynamoDBTopKeys(tables.counters, updates("heaviest keys")), lambda: datetime.now(UTC)
        ),
    )
