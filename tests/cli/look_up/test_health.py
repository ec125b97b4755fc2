"""`usage-meter health` against a local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from adapters.dynamodb.source import SourceBook
from cli.look_up import usage_source
from metering.source.gap import Gap, Way, minute_of
from metering.source.state import SourceState
from tests.cli.look_up.looked_up import NOW, SHARDS, THROUGH, LookedUp, invoke, looked_up


@pytest.fixture(scope="module")
def running() -> Iterator[LookedUp]:
    """One for all tests."""
    with looked_up() as found:
        yield found


@pytest.fixture(autouse=True)
def cloud(
    running: LookedUp,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> LookedUp:
    """The cloud with something counted, of which nobody knows yet how complete it is."""
    for name, value in running.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(usage_source, "utc_now", lambda: NOW)
    running.refill()
    return running


def test_well(cloud: LookedUp) -> None:
    """How far each shard is, and what could not be counted for a key; exit code 0."""
    cloud.confirm()
    shown = invoke("health")
    lines = shown.stdout.splitlines()
    assert (0, "The meter is ok, 63 s late") == (shown.exit_code, lines[0])
    assert [
        [SHARDS[0], "2026-11-24", "18:59:00", "UTC", "63"],
        [SHARDS[1], "2026-11-24", "18:59:01", "UTC", "62"],
    ] == [line.split() for line in lines[3:5]]
    assert ["malformed", "3"] in [line.split() for line in lines]
    assert "- 3 log lines of this month are unreadable." in shown.stdout
    assert "complete through 2026-11-24 18:59:00 UTC" in lines[-1]


@pytest.mark.parametrize(
    ("late", "status"),
    [(timedelta(seconds=181), "behind"), (timedelta(seconds=300), "stopped")],
)
def test_not_well(cloud: LookedUp, late: timedelta, status: str) -> None:
    """Says what to do; exit code 1."""
    cloud.confirm(NOW - late)
    shown = invoke("health")
    assert (1, f"The meter is {status}, {late.seconds} s late") == (
        shown.exit_code,
        shown.stdout.splitlines()[0],
    )
    assert "- " in shown.stdout
    assert SHARDS[0] in shown.stdout


def test_calls_that_do_not_reach_the_stream(cloud: LookedUp) -> None:
    """Health is not ok, says why, and exits with 1; the usage of the month names what is missing."""
    cloud.confirm()
    minute = minute_of(NOW)
    gap = Gap(Way.FORWARDED, "access-log", minute - 60, minute - 10, 1_200)
    state = SourceState(version=1, faults=("no subscription filter leads from access-log",), gaps=(gap,))
    assert SourceBook(cloud.meter.dynamodb, cloud.meter.table_name).save(state)
    shown = invoke("health")
    first = "The meter counts, and calls are lost before it, 63 s late"
    assert (1, first) == (shown.exit_code, shown.stdout.splitlines()[0])
    assert "- No subscription filter leads from access-log." in shown.stdout
    assert "1,200 calls of all keys together did not reach the meter" in invoke("usage", "alice").stdout


def test_nothing_is_known() -> None:
    """Then nobody may take the meter for well: exit code 1."""
    shown = invoke("health")
    assert (1, "The state of the meter is unknown") == (shown.exit_code, shown.stdout.splitlines()[0])
    assert "This is normal in the first minutes of a" in shown.stdout


@pytest.mark.parametrize("through", [THROUGH, NOW - timedelta(hours=1), None])
def test_json_is_the_answer_of_the_api(cloud: LookedUp, through: datetime | None) -> None:
    """Word for word, on one line, whatever the exit code."""
    if through is not None:
        cloud.confirm(through)
    shown = invoke("health", "--json")
    (line,) = shown.stdout.splitlines()
    assert (0 if through == THROUGH else 1, cloud.ask("health")) == (shown.exit_code, json.loads(line))
