"""How the local cloud runs a function."""

import sys
import threading
import time
from typing import Any

import pytest

from local_cloud.lambda_.function import FunctionError, LambdaFunction


def function(handler: Any, timeout: float = 60) -> LambdaFunction:
    """A function with that handler."""
    return LambdaFunction(
        "meter", handler, arn="arn:aws:lambda:::function:meter", timeout_seconds=timeout, memory_mb=512
    )


def test_the_context_is_lambdas() -> None:
    """The attributes that code and telemetry read."""
    contexts: list[Any] = []
    function(lambda _event, context: contexts.append(context), timeout=300).invoke({}, "request-1")

    (context,) = contexts
    assert ("meter", "512", "request-1", "$LATEST") == (
        context.function_name,
        context.memory_limit_in_mb,
        context.aws_request_id,
        context.function_version,
    )
    assert ("arn:aws:lambda:::function:meter", "/aws/lambda/meter") == (
        context.invoked_function_arn,
        context.log_group_name,
    )
    assert 0 < context.get_remaining_time_in_millis() <= 300_000


def test_the_remaining_time_runs_out_at_zero() -> None:
    """A function past its time sees 0, never less."""
    remaining: list[int] = []

    def slow(_event: Any, context: Any) -> None:
        time.sleep(0.02)
        remaining.append(context.get_remaining_time_in_millis())

    function(slow, timeout=0.01).invoke({})

    assert [0] == remaining


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), GeneratorExit()])
def test_whatever_a_handler_raises_is_a_function_error(error: BaseException) -> None:
    """Also what ends a process: Lambda sees a failed invocation."""

    def handler(_event: Any, _context: Any) -> None:
        raise error

    with pytest.raises(FunctionError, match=type(error).__name__):
        function(handler).invoke({})


def test_an_answer_that_is_no_json_is_a_function_error() -> None:
    """Lambda cannot pass it on."""
    with pytest.raises(FunctionError, match="TypeError"):
        function(lambda _event, _context: {1, 2}).invoke({})


def test_a_handler_cannot_change_the_callers_event() -> None:
    """Event and answer cross a border as JSON."""
    event = {"Records": [{"a": 1}]}
    answer = function(lambda e, _c: (e["Records"].clear(), {"t": (1, 2)})[1]).invoke(event)

    assert ({"Records": [{"a": 1}]}, {"t": [1, 2]}) == (event, answer)


def test_one_invocation_runs_at_a_time() -> None:
    """Handlers rely on an environment of their own."""
    running, seen = [], []

    def handler(_event: Any, _context: Any) -> None:
        running.append(1)
        seen.append(len(running))
        time.sleep(0.01)
        running.pop()

    shared = function(handler)
    threads = [threading.Thread(target=shared.invoke, args=({},)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [1] * 5 == seen


def test_the_keyboard_still_interrupts() -> None:
    """Ctrl-C ends the demo and is no function error."""

    def handler(_event: Any, _context: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        function(handler).invoke({})
    assert sys.exc_info() == (None, None, None)
