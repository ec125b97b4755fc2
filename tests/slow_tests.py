"""Which tests are slow: they have the mark `slow`, and `make test-fast` leaves them out.

A test is slow if it starts another program (DynamoDB Local, Chromium, the Lambda package), or if
tests/slow_tests.txt names it. That list is written from a run of the whole suite, by processor time, which a
busy machine changes little:

    make test-all PYTEST_ARGS=--record-slow

A new test is fast until it is recorded.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LIST: Final = Path(__file__).with_suffix(".txt")
SECONDS: Final = 0.25
"""Of processor time, with everything that a test sets up. What takes longer is slow."""
PROGRAMS: Final = frozenset({"dynamodb_local", "chrome", "browser", "wheels", "package"})
"""Fixtures that start or make another program."""

_PROPERTY: Final = "processor seconds"


def name_of(node_id: str) -> str:
    """A test without its parameters."""
    return node_id.partition("[")[0]


def names(text: str) -> frozenset[str]:
    """The tests of a list."""
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def is_slow(node_id: str, fixtures: Iterable[str], listed: frozenset[str]) -> bool:
    """Whether a test starts another program or is on the list."""
    return not PROGRAMS.isdisjoint(fixtures) or name_of(node_id) in listed


def slow_list(seconds: Mapping[str, float]) -> str:
    """The text of the list, from the processor seconds of each test."""
    slow = sorted({name_of(node_id) for node_id, taken in seconds.items() if taken >= SECONDS})
    command = "make test-all PYTEST_ARGS=--record-slow"
    head = f"# Tests of {SECONDS} processor seconds and more; written by `{command}`."
    return "\n".join([head, *slow]) + "\n"


class Recorder:
    """Adds up what each test takes, and writes the list at the end."""

    def __init__(self, path: Path = LIST) -> None:
        self._path = path
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Reports of setting up and of the test itself each hold the sum so far."""
        taken = sum(float(str(value)) for name, value in report.user_properties if name == _PROPERTY)
        self._seconds[report.nodeid] = max(taken, self._seconds.get(report.nodeid, 0.0))

    def pytest_sessionfinish(self) -> None:
        """Write the list."""
        self._path.write_text(slow_list(self._seconds))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to record."""
    parser.addoption("--record-slow", action="store_true", help=f"write {LIST.name} from this run")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark; record where that is asked for."""
    config.addinivalue_line(
        "markers", "slow: takes a quarter of a second of the processor or starts another program"
    )
    if config.getoption("--record-slow"):
        config.pluginmanager.register(Clock())
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Recorder())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, before `-m` chooses."""
    listed = names(LIST.read_text())
    for item in items:
        if is_slow(item.nodeid, getattr(item, "fixturenames", ()), listed):
            item.add_marker("slow")


class Clock:
    """Gives each report of a test the processor time that it took until then; in each worker."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """What is set up for a test counts as its own."""
        yield from _measured(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """And so does the test itself."""
        yield from _measured(item)


def _measured(item: pytest.Item) -> Iterator[None]:
    begun = _processor_seconds()
    try:
        return (yield)
    finally:
        item.user_properties.append((_PROPERTY, _processor_seconds() - begun))


def _processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
