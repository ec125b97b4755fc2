"""What the tests of repairs share: a deployment with a repairer, and accidents that make its paths differ."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.dynamodb.repairs import DynamoDBRepairs
from metering.calls.call import Call
from metering.counters.counter import Counter, summed
from metering.period import Period
from metering.proof.correction import Fate
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.repairer import Repaired, Repairer
from reconciliation.repair.scope import Scope
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, call

_numbers = itertools.count(1)

EDITED = ("requests", "billable", "errors", "response_bytes", "latency_ms", "fingerprint", "d05", "d31")


@dataclass
class Waiting:
    """A barrier that does something while it waits."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    passed: int = 0
    marks: dict[str, int] = field(default_factory=dict)

    def pass_through(self) -> dict[str, int]:
        """Do what waits, once; up to where the shards are counted."""
        self.passed += 1
        while self.meanwhile:
            self.meanwhile.pop(0)()
        return self.marks


def run() -> str:
    """The id of a run that was not there before: Athena gives the old answer to one that was."""
    return f"run-of-{next(_numbers)}"


def scope(report: str, **changes: Any) -> Scope:
    """October, whole."""
    whole = Scope(
        OCTOBER, report, "counters differ", datetime(2026, 11, 1, tzinfo=UTC), lower="they hold too much"
    )
    return whole._replace(**changes)


def repairer(deployment: Deployment, barrier: Waiting | None = None, dynamodb: Any = None) -> Repairer:
    """A repairer of the deployment, which writes by a client of its own if one is given."""
    table, (queries, counters, error_prefix) = deployment.settings.counters_table, deployment.sources[:3]
    sources = RepairSources(
        queries,
        counters,  # type: ignore[arg-type]  # the reader of counters; the port of a comparison asks for less
        error_prefix,
        DynamoDBRepairs(dynamodb or deployment.dynamodb, table),
        barrier or Waiting(),
    )
    return Repairer(sources, lambda: AFTER, "ops@example.com")


def repair(deployment: Deployment, report: str, barrier: Waiting | None = None, **changes: Any) -> Repaired:
    """Prepare and carry out at once."""
    prepared = repairer(deployment, barrier).prepare(scope(report, **changes))
    return prepared.carry_out(prepared.plans())


def fates(repaired: Repaired) -> list[tuple[str, str, Fate]]:
    """Key, period and fate of each correction."""
    return [(one.correction.key, one.correction.period, one.fate) for one in repaired.done]


def counters(deployment: Deployment, month: str = OCTOBER) -> list[Counter]:
    """All counters of a month, in order and without empty parts."""
    found = summed(
        sorted(deployment.sources.counters.of_period(Period(month)), key=lambda one: (one.key, one.period))
    )
    return [
        Counter(one.key, one.period, one.usage, {part: count for part, count in one.parts.items() if count})
        for one in found
    ]


def items(deployment: Deployment, prefix: str) -> list[dict[str, Any]]:
    """The items of the counters table whose partition key begins so, in order."""
    pages = deployment.dynamodb.get_paginator("scan").paginate(
        TableName=deployment.settings.counters_table, ConsistentRead=True
    )
    found = [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith(prefix)]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def some_calls(generator: random.Random, count: int = 40, keys: Sequence[str] = "abc") -> list[Call]:
    """Calls of October, on a few days and hours."""
    return [
        call(
            f"{generator.random()}-{number}",
            f"2026-10-{generator.choice((1, 5, 30, 31)):02d}T{generator.choice((0, 7, 23)):02d}:15:00",
            generator.choice(keys),
            response_bytes=generator.randrange(5000),
        )
        for number in range(count)
    ]


def spoil(generator: random.Random, deployment: Deployment, keys: Iterable[str]) -> None:
    """Change counters as no part of the meter does, and lose and double some calls."""
    for key in keys:
        for _ in range(generator.randrange(3)):
            name = generator.choice(EDITED)
            deployment.edit(key, OCTOBER, generator.choice((0, 0, 1)), **{name: generator.choice((-3, 1, 7))})
        if generator.random() < 0.5:
            deployment.edit(key, "2026-10-05", requests=1, h07=1, fingerprint=-(10**20))
