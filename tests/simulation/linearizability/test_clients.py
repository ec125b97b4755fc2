"""What the shipped adapters do on a real engine is linearizable; what broken ones do is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import UpdateAnswer, UpdateRequest
from adapters.dynamodb.repairs import DynamoDBRepairs
from metering.counters.completeness import Knowledge
from simulation.linearizability.checker import Linearization, check
from simulation.linearizability.clients import add_calls, read_calls, repair, updates_at
from simulation.linearizability.history import NEVER, History, Operation
from simulation.linearizability.objects import (
    AddCalls,
    CorrectCounter,
    CounterState,
    LoadVersion,
    ReadCounter,
    SaveVersion,
    completeness,
    counter,
)
from tests.tables import Tables, create_tables

_TURNS = 12
_SHARDS = ("shardId-000000000000", "shardId-000000000001")


@pytest.fixture
def tables(dynamodb_local: str) -> Tables:
    """Tables of their own on AWS's engine."""
    return create_tables(dynamodb_local)


def _together(*clients: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(clients)) as pool:
        for done in [pool.submit(client) for client in clients]:
            done.result()


def _writer(history: History, counters: DynamoDBCounters, name: str, shard: str) -> Callable[[], None]:
    def write() -> None:
        for number in range(1, _TURNS + 1):
            call = AddCalls(shard, number, number, 1)
            history.record(name, call, lambda call=call: add_calls(counters, call))  # type: ignore[misc]

    return write


def _reader(history: History, repairs: DynamoDBRepairs) -> Callable[[], None]:
    def read() -> None:
        for _ in range(_TURNS):
            history.record("reader", ReadCounter(), lambda: read_calls(repairs)[1])

    return read


def _repairer(history: History, repairs: DynamoDBRepairs) -> Callable[[], None]:
    def correct() -> None:
        for number in range(_TURNS):
            held, calls = read_calls(repairs)
            call = CorrectCounter(calls, 100, _SHARDS[number % 2], number)
            report = f"report {number}"
            history.record(
                "repairer",
                call,
                lambda held=held, call=call, report=report: repair(repairs, held, call, report),  # type: ignore[misc]
            )

    return correct


def _verdict(history: History) -> Linearization:
    return check(history.operations, CounterState(), counter)


def test_shipped_adapters(tables: Tables) -> None:
    """Increments of two shards, one of them by two processes at once, with readers and a repair."""
    history = History()
    repairs = DynamoDBRepairs(tables.dynamodb, tables.counters)
    writers = [
        _writer(history, DynamoDBCounters(tables.counters, tables.updates(1)), name, shard)
        for name, shard in (("first", _SHARDS[0]), ("its double", _SHARDS[0]), ("second", _SHARDS[1]))
    ]
    _together(*writers, _reader(history, repairs), _repairer(history, repairs))
    verdict = _verdict(history)
    assert verdict.is_linearizable, str(verdict)
    assert 4 * _TURNS <= len(history.operations)


def test_killed_processes(tables: Tables) -> None:
    """A process is killed amid its increments; another one repeats them, while a third reads."""
    history = History()
    command = [sys.executable, "-m", "simulation.linearizability.writer"]
    arguments = [tables.endpoint, tables.counters, _SHARDS[0], "1000"]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[list[Any]] = []
        for line in process.stdout:
            said.append(json.loads(line))
            if len(said) == 2 * _TURNS - 1:
                process.kill()
                break
        said += [json.loads(line) for line in process.stdout if line.endswith("\n")]
    for operation in _operations(said):
        history.note(operation)
    repairs = DynamoDBRepairs(tables.dynamodb, tables.counters)
    counters = DynamoDBCounters(tables.counters, tables.updates(1))
    _together(_writer(history, counters, "its successor", _SHARDS[0]), _reader(history, repairs))
    verdict = _verdict(history)
    assert verdict.is_linearizable, str(verdict)


def _operations(said: Sequence[Sequence[Any]]) -> Iterator[Operation]:
    """What a process said, as operations: the last one may have no answer."""
    for index in range(0, len(said), 2):
        _, call, began = said[index]
        if index + 1 < len(said):
            _, answer, ended = said[index + 1]
            yield Operation("killed", AddCalls(*call), tuple(answer), began, ended)
        else:
            yield Operation("killed", AddCalls(*call), None, began, NEVER)


def test_completeness(tables: Tables) -> None:
    """Watches that run at once keep one version after the other, and readers never see one go back."""
    history = History()

    def watch() -> None:
        book = CompletenessBook(tables.dynamodb, tables.counters, tables.ledger)
        for _ in range(_TURNS):
            version = book.load()[0].version
            history.record("reader", LoadVersion(), lambda: book.load()[0].version)
            known = Knowledge(version=version + 1)
            history.record("watch", SaveVersion(version + 1), lambda known=known: book.save(known))  # type: ignore[misc]

    _together(watch, watch, watch)
    verdict = check(history.operations, 0, completeness)
    assert verdict.is_linearizable, str(verdict)


class _Unconditional:
    """Writes without the condition."""

    def __init__(self, endpoint: str) -> None:
        self._updates = updates_at(endpoint)

    def run(self, requests: Sequence[UpdateRequest], is_over: Any = None) -> list[UpdateAnswer]:
        """Every write is taken."""
        bare: list[Any] = []
        for request in requests:
            values = dict(request["ExpressionAttributeValues"])
            del values[":first"]
            kept = {name: value for name, value in request.items() if name != "ConditionExpression"}
            bare.append({**kept, "ExpressionAttributeValues": values})
        return self._updates.run(bare, is_over)


def test_unconditional_update(tables: Tables) -> None:
    """An adapter that writes without its condition counts a repeated batch twice, and that is seen."""
    history = History()
    counters = DynamoDBCounters(tables.counters, _Unconditional(tables.endpoint))  # type: ignore[arg-type]
    for name in ("first", "its double"):
        _writer(history, counters, name, _SHARDS[0])()
    assert not _verdict(history).is_linearizable


class _Late:
    """A DynamoDB that takes the liberty which a read has that is not consistent: it returns what was there
    before the last write. DynamoDB Local never does.
    """

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self._before: Any = None

    def query(self, **request: Any) -> Any:
        """The latest state, or the one before."""
        now = self._dynamodb.query(**{**request, "ConsistentRead": True})
        late, self._before = self._before, now
        return now if request.get("ConsistentRead") or late is None else late

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)


class _Inconsistent(_Late):
    """What an adapter gets from there that does not ask for consistent reads."""

    def query(self, **request: Any) -> Any:
        """Without the wish."""
        return super().query(**{**request, "ConsistentRead": False})


@pytest.mark.parametrize(("reads", "is_right"), [(_Late, True), (_Inconsistent, False)])
def test_inconsistent_read(tables: Tables, reads: type[_Late], *, is_right: bool) -> None:
    """The shipped adapter asks for consistent reads. One that does not is seen."""
    history = History()
    repairs = DynamoDBRepairs(cast("Any", reads(tables.dynamodb)), tables.counters)
    counters = DynamoDBCounters(tables.counters, tables.updates(1))
    for number in range(1, 4):
        call = AddCalls(_SHARDS[0], number, number, 1)
        history.record("writer", call, lambda call=call: add_calls(counters, call))  # type: ignore[misc]
        history.record("reader", ReadCounter(), lambda: read_calls(repairs)[1])
    assert is_right is _verdict(history).is_linearizable
