"""The shipped adapters as clients of one counter: what each call of theirs means to its history."""

from __future__ import annotations

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from adapters.dynamodb.repairs import DynamoDBRepairs
from metering.counters.counter import Counter
from metering.counters.ports import Increment, Status
from metering.period import Period
from metering.proof.correction import NOT_HELD, Audit, Correction, Fate, Held
from metering.usage import Usage
from simulation.linearizability.history import NO_EFFECT
from simulation.linearizability.objects import REFUSED, WRITTEN, AddCalls, CorrectCounter

KEY = "shop"
MONTH = Period("2026-10")
_DAY = "31"
_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}


def updates_at(endpoint: str) -> ConditionalUpdates:
    """The shipped way to write, to a DynamoDB at this address."""
    return ConditionalUpdates(client(1, endpoint_url=endpoint, **_CREDENTIALS), 1)


def add_calls(counters: DynamoDBCounters, call: AddCalls) -> tuple[str, int] | None:
    """Add calls to the month of the key; None: no answer."""
    totals = Usage(requests=call.calls, billable=call.calls, fingerprint=call.calls)
    increment = Increment(KEY, MONTH, 0, call.shard, call.first, call.last, totals, {_DAY: call.calls})
    (answer,) = counters.add([increment])
    if answer.status is Status.UNAVAILABLE:
        return None
    if answer.status is Status.REFUSED:
        return REFUSED, _known(answer.watermark)
    return WRITTEN, _known(None if answer.totals is None else answer.totals.requests)


def read_calls(repairs: DynamoDBRepairs) -> tuple[Held, int]:
    """The counter, and how many calls it holds."""
    held = repairs.read(KEY, MONTH).get(MONTH, NOT_HELD)
    return held, held.counter(KEY, MONTH).usage.requests


def repair(repairs: DynamoDBRepairs, held: Held, call: CorrectCounter, report: str) -> object:
    """Add what is missing, if the counter is as it was read. DynamoDB may cancel a transaction for no better
    reason than that another one is under way.
    """
    before = held.counter(KEY, MONTH)
    added = Counter(
        KEY,
        MONTH,
        Usage(requests=call.added, billable=call.added, fingerprint=call.added),
        {_DAY: call.added},
    )
    audit = Audit(report, "a repair in a history", "the test", "2026-11-01T00:00:00Z")
    fate = repairs.write(Correction(before, before + added), held, audit, {call.shard: call.mark})
    return WRITTEN if fate is Fate.WRITTEN else NO_EFFECT


def _known(number: int | None) -> int:
    if number is None:
        raise AssertionError("the adapter gave an answer without a number")
    return number
