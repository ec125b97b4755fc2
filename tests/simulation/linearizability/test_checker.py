"""The checker: histories that fit an order, and histories that fit none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulation.linearizability.checker import check
from simulation.linearizability.history import NEVER, History, Operation
from simulation.linearizability.objects import (
    REFUSED,
    WRITTEN,
    AddCalls,
    CorrectCounter,
    CounterState,
    LoadVersion,
    ReadCounter,
    SaveVersion,
    completeness,
    counter,
)

_FIRST = AddCalls("a", 1, 1, 5)


def _operation(call: tuple[object, ...], answer: object, began: int, ended: int = NEVER) -> Operation:
    return Operation("client", call, answer, began, ended)


def test_one_after_the_other() -> None:
    """Operations that do not overlap happen in their order."""
    written = _operation(_FIRST, (WRITTEN, 5), 0, 1)
    assert check([written, _operation(ReadCounter(), 5, 2, 3)], CounterState(), counter).is_linearizable
    verdict = check([written, _operation(ReadCounter(), 0, 2, 3)], CounterState(), counter)
    assert not verdict.is_linearizable
    assert "None of these can be next:\n  client: ReadCounter() -> 0" in str(verdict)


def test_at_the_same_time() -> None:
    """A reader that overlaps a write may see either; two readers in a row never see it go away."""
    written = _operation(_FIRST, (WRITTEN, 5), 0, 10)
    for seen in (0, 5):
        assert check(
            [written, _operation(ReadCounter(), seen, 2, 3)], CounterState(), counter
        ).is_linearizable
    backwards = [written, _operation(ReadCounter(), 5, 2, 3), _operation(ReadCounter(), 0, 4, 5)]
    assert not check(backwards, CounterState(), counter).is_linearizable


def test_without_an_answer() -> None:
    """A write of a killed client happens at any later moment, or never, and never twice."""
    killed = _operation(_FIRST, None, 0)
    for seen in (0, 5):
        assert check(
            [killed, _operation(ReadCounter(), seen, 9, 10)], CounterState(), counter
        ).is_linearizable
    assert not check([killed, _operation(ReadCounter(), 10, 9, 10)], CounterState(), counter).is_linearizable


def test_refusals_and_repairs() -> None:
    """A refusal shows the watermark; a repair that raises it refuses what comes again."""
    history = [
        _operation(CorrectCounter(0, 5, "a", 7), WRITTEN, 0, 1),
        _operation(_FIRST, (REFUSED, 7), 2, 3),
        _operation(CorrectCounter(0, 5, "a", 7), REFUSED, 4, 5),
        _operation(ReadCounter(), 5, 6, 7),
    ]
    assert check(history, CounterState(), counter).is_linearizable
    twice = [*history[:1], _operation(_FIRST, (WRITTEN, 10), 2, 3)]
    assert not check(twice, CounterState(), counter).is_linearizable


def test_two_runs_at_once() -> None:
    """Of two runs that keep the same version, one is refused."""
    both = [_operation(SaveVersion(1), True, 0, 9), _operation(SaveVersion(1), True, 1, 8)]
    assert not check(both, 0, completeness).is_linearizable
    one = [both[0], _operation(SaveVersion(1), False, 1, 8), _operation(LoadVersion(), 1, 10, 11)]
    assert check(one, 0, completeness).is_linearizable


@given(st.lists(st.sampled_from([_FIRST, AddCalls("b", 1, 2, 3), AddCalls("a", 2, 3, 1), ReadCounter()])))
def test_whatever_really_happened(calls: list[AddCalls | ReadCounter]) -> None:
    """A history that was made one call after the other fits, and so it does where the ends come later."""
    state: object = CounterState()
    history: list[Operation] = []
    for number, call in enumerate(calls):
        state, answer = counter(state, call)
        history.append(_operation(call, answer, 2 * number, 2 * number + 3))
    assert check(history, CounterState(), counter).is_linearizable


def test_recording() -> None:
    """An answer that did not come has no end."""
    history = History()
    assert 3 == history.record("reader", ReadCounter(), lambda: 3)
    assert history.record("writer", _FIRST, lambda: None) is None
    assert [True, False] == [one.is_answered for one in history.operations]
