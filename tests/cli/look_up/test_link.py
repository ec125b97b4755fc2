"""`usage-meter link` against a local cloud: what it prints opens the look-up API for one key, and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cli.common.bootstrap import target
from cli.common.errors import CommandError
from cli.look_up import link_session, usage_source
from local_cloud.api_gateway.lookup_server import LookUpServer
from tests.cli.look_up.looked_up import NOW, LookedUp, invoke, looked_up

PAGE = "https://usage.example/"


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


def made(*arguments: str) -> str:
    """The token of a link."""
    shown = invoke("link", *arguments, "--page", PAGE)
    assert 0 == shown.exit_code
    begin, _, token = shown.stdout.strip().partition("#/link/")
    assert PAGE == begin
    return token


def opened(cloud: LookedUp, token: str, at: datetime = NOW) -> tuple[int, int | None]:
    """The status for whoever has a token at a time, and the calls that it shows."""
    with LookUpServer(cloud.cloud, clock=lambda: at) as api:
        asked = Request(f"{api.url}link/usage/2026-11", headers={"x-usage-link": token})
        try:
            with urlopen(asked, timeout=60) as answer:
                return answer.status, json.load(answer)["totals"]["requests"]
        except HTTPError as refused:
            return refused.code, None


def test_opens_and_ends(cloud: LookedUp) -> None:
    """It shows the usage of its key for as long as was said, 15 minutes unless it was."""
    token = made("alice")
    assert (200, 11) == opened(cloud, token)
    assert (200, 11) == opened(cloud, token, NOW + timedelta(minutes=15, seconds=-1))
    assert (401, None) == opened(cloud, token, NOW + timedelta(minutes=15))
    longer = made("bob", "--minutes", "60")
    assert (200, 22) == opened(cloud, longer, NOW + timedelta(minutes=59))


def test_all_ended(cloud: LookedUp) -> None:
    """--end-all ends what was made before, at once; one that it makes is valid."""
    before = made("alice")
    assert 0 == invoke("link", "--end-all").exit_code
    assert (401, None) == opened(cloud, before)
    between = made("alice")
    after = made("alice", "--end-all")
    assert [(401, None), (200, 11)] == [opened(cloud, between), opened(cloud, after)]


def test_json() -> None:
    """The address, the key and the end, for programs; to standard output nothing else."""
    shown = invoke("link", "alice", "--minutes", "1", "--json")
    (line,) = shown.stdout.splitlines()
    found = json.loads(line)
    assert ("alice", "2026-11-24T19:01:03Z") == (found["key"], found["expires_at"])
    assert found["address"].partition("#/link/")[0].endswith("/prod/")


def test_address_alone() -> None:
    """Standard output holds the address on one line; what it is worth is on standard error."""
    shown = invoke("link", "alice")
    assert 1 == len(shown.stdout.splitlines())
    notes = " ".join(shown.stderr.split())
    assert "Whoever has this link sees the usage of alice until 2026-11-24 19:15:03 UTC." in notes
    assert "FrameAncestors names no origin" in notes
    assert "not known" not in notes


def test_unknown_key() -> None:
    """A key that the meter has never seen may be a mistake, and is named as one."""
    assert "The key 'alcie' is not known" in " ".join(invoke("link", "alcie").stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-"],
        ["!malformed"],
        ["a\nb"],
        ["alice", "--minutes", "0"],
        ["alice", "--minutes", "61"],
        ["alice", "--page", "usage.example"],
        ["alice", "--page", "https://usage.example/#/me"],
    ],
)
def test_refused(arguments: list[str]) -> None:
    """No key, one that is none, other times, what is no page's address."""
    shown = invoke("link", *arguments)
    assert (2, "") == (shown.exit_code, shown.stdout)


def test_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack without look-ups says so, instead of an address that leads nowhere."""
    where = target("usage-meter")
    without = replace(where.deployment, outputs={**where.deployment.outputs, "LookUpApiUrl": "-"})
    monkeypatch.setattr(link_session, "target", lambda _stack: replace(where, deployment=without))
    with pytest.raises(CommandError, match="LookUps=yes"):
        invoke("link", "alice")
