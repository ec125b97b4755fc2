"""`usage-meter top` against a local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli.look_up import usage_source
from tests.cli.look_up.looked_up import NOW, LookedUp, invoke, looked_up


@pytest.fixture(scope="module")
def cloud() -> Iterator[LookedUp]:
    """One for all tests: none of them counts anything."""
    with looked_up() as running:
        running.refill()
        yield running


@pytest.fixture(autouse=True)
def address(
    cloud: LookedUp,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> None:
    """The command finds the cloud by the usual settings, at a time of its own."""
    for name, value in cloud.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(usage_source, "utc_now", lambda: NOW)


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ([], ""),
        (["--period", "2026-11", "--metric", "response_bytes"], "?period=2026-11&metric=response_bytes"),
        (["--limit", "1"], "?limit=1"),
        (["--period", "2026-10"], "?period=2026-10"),
    ],
)
def test_json_is_the_answer_of_the_api(cloud: LookedUp, arguments: list[str], query: str) -> None:
    """Word for word, on one line."""
    shown = invoke("top", *arguments, "--json")
    (line,) = shown.stdout.splitlines()
    assert (0, cloud.ask(f"top{query}")) == (shown.exit_code, json.loads(line))


def test_the_heaviest_first() -> None:
    """With all totals, and a bar of what orders them."""
    shown = invoke("top", "--metric", "errors", "--limit", "2")
    lines = shown.stdout.splitlines()
    assert (0, "Top keys of 2026-11 by errors") == (shown.exit_code, lines[0])
    assert [
        ["alice", "11", "9", "2", "1,100", "110", "█" * 24],
        ["bob", "22", "20", "2", "2,200", "220", "█" * 24],
    ] == [line.split() for line in lines[3:5]]
    assert lines[-1].startswith("As of 2026-11-24 19:00:03 UTC; how complete that is, is not yet known")


def test_nobody() -> None:
    """A month without calls has no keys, and that is no mistake."""
    shown = invoke("top", "--period", "2025-01")
    assert (0, "No keys.") == (shown.exit_code, shown.stdout.splitlines()[1])


def test_csv() -> None:
    """A row a key."""
    shown = invoke("top", "--csv", "--limit", "1")
    totals = "requests,billable,errors,response_bytes,request_bytes,latency_ms"
    assert [
        f"\ufeffkey,period,{totals},unknown_response_sizes,unknown_request_sizes",
        "bob,2026-11,22,20,2,2200,220,110,0,0",
    ] == shown.stdout.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "0"],
        ["--limit", "101"],
        ["--metric", "cost"],
        ["--period", "2026-11-05"],
        ["--csv", "--json"],
    ],
)
def test_wrong_use(arguments: list[str]) -> None:
    """Is reported before anything is asked."""
    assert 2 == invoke("top", *arguments).exit_code
