"""`usage-meter dashboard` against a local cloud."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from cli.common.errors import CommandError
from cli.common.terminal import console
from cli.look_up import dashboard_session, usage_source
from cli.look_up.dashboard_session import run
from metering.errors import Misconfigured
from tests.cli.look_up.looked_up import NOW, LookedUp, looked_up
from tests.usage_api.meter import usage

SLASHED = "a/b c"


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its content."""
        return json.loads(self.body)


Get = Callable[..., Got]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LookedUp]:
    """One for all tests."""
    with looked_up() as running:
        running.refill().count(SLASHED, "2026-11-05T07", usage(5))
        running.confirm()
        yield running


@pytest.fixture(autouse=True)
def settings(
    cloud: LookedUp,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> pytest.MonkeyPatch:
    """The command finds the cloud by the usual settings, at a time of its own."""
    for name, value in cloud.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(dashboard_session, "utc_now", lambda: NOW)
    monkeypatch.setattr(usage_source, "utc_now", lambda: NOW)
    return monkeypatch


@pytest.fixture
def get(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Get]:
    """Asks the dashboard at the address that the command prints, while the command waits for Ctrl-C."""
    waiting, done = threading.Event(), threading.Event()

    def wait(_screen: Console) -> None:
        waiting.set()
        assert done.wait(60)

    settings.setattr(dashboard_session, "wait", wait)
    command = threading.Thread(target=run, args=("usage-meter", 0))
    command.start()
    assert waiting.wait(60)
    (address,) = re.findall(
        r"^ +(http://127\.0\.0\.1:\d+/[\w-]{22,}/)$", capsys.readouterr().out, re.MULTILINE
    )
    yield partial(ask, address)
    done.set()
    command.join()


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Got:
    """An answer of the server at an address."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, f"{urlsplit(address).path}{path}", headers=named)
        answer = connection.getresponse()
        return Got(answer.status, dict(answer.headers.items()), answer.read())
    finally:
        connection.close()


def test_the_page(get: Get) -> None:
    """And its scripts, as the look-up API serves them."""
    page = get("")
    assert (200, "text/html; charset=utf-8") == (page.status, page.headers["Content-Type"])
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert 200 == get("assets/main.js").status
    assert 404 == get("assets/secret.js").status


@pytest.mark.parametrize(
    "path",
    [
        "health",
        "top?metric=errors&limit=1",
        "keys?limit=2",
        "keys/alice/usage/2026-11",
        "keys/alice/usage?from=2026-11-05&to=2026-11-24",
        "keys/alice/quota",
        "keys/a%2Fb%20c/usage",
    ],
)
def test_an_operator_sees_all(cloud: LookedUp, get: Get, path: str) -> None:
    """The answers are those of the look-up API."""
    assert cloud.ask(path) == get(path).json


def test_a_customer_sees_one(get: Get) -> None:
    """The page of a key is shown by its id, which stands for the key itself."""
    assert (401, "application/problem+json") == (
        get("me/usage").status,
        get("me/usage").headers["Content-Type"],
    )
    assert ("alice", 11) == (
        get("me/usage", x_api_key="alice").json["key"],
        get("me/usage", x_api_key="alice").json["totals"]["requests"],
    )


def test_as_a_table(get: Get) -> None:
    """Headers of the caller are heard."""
    answer = get("keys/alice/usage/2026-11", Accept="text/csv")
    assert "\ufeffkey,period,requests\r\n".encode() == answer.body.splitlines(keepends=True)[0]
    again = get("keys/alice/usage/2026-11", Accept="text/csv", If_None_Match=answer.headers["ETag"])
    assert (304, b"") == (again.status, again.body)


@pytest.mark.parametrize("path", ["", "health", "keys/alice/usage", "nowhere"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:127", "10.0.0.1"])
def test_another_name_is_refused(get: Get, host: str, path: str) -> None:
    """A page of somebody else's whose name leads here (DNS rebinding) reads nothing."""
    answer = get(path, Host=host)
    assert (421, None) == (answer.status, answer.headers.get("Access-Control-Allow-Origin"))
    assert b"alice" not in answer.body
    assert answer.json["detail"].startswith("This is http://127.0.0.1:")


def test_what_is_not_there(get: Get) -> None:
    """Places and methods."""
    assert 404 == get("nowhere").status
    assert 404 == get("keys//usage").status
    assert (405, "GET, HEAD") == (get("health", "POST").status, get("health", "POST").headers["Allow"])
    assert (200, b"") == (get("", "HEAD").status, get("", "HEAD").body)
    assert 400 == get("top?limit=0").status


def test_the_port_is_taken() -> None:
    """Is reported in a sentence, before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} of 127.0.0.1 cannot be used: Address already"):
            run("usage-meter", port)


def test_the_port_is_chosen(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The page is at the port that was asked for; and it is free again when the command has ended."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    statuses = []

    def look(_screen: Console) -> None:
        (address,) = re.findall(rf"http://127\.0\.0\.1:{port}/\S+", capsys.readouterr().out)
        statuses.append(ask(address, "health").status)

    settings.setattr(dashboard_session, "wait", look)
    for _ in range(2):
        run("usage-meter", port)
    assert [200, 200] == statuses


@pytest.mark.parametrize("path", ["", "health", "keys/alice/usage", "assets/main.js", "x" * 22 + "/health"])
def test_without_the_token(get: Get, path: str) -> None:
    """Another user of this machine, who can see the port, sees nothing of the usage."""
    address = urlsplit(get.args[0])  # type: ignore[attr-defined]  # of the partial
    answer = ask(f"http://{address.netloc}/", path)
    assert (403, b"alice" in answer.body) == (answer.status, False)
    assert (200, 403) == (get("health").status, ask(f"{get.args[0][:-2]}/", "health").status)  # type: ignore[attr-defined]


def test_ctrl_c_ends_it(settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback."""

    def interrupt(_event: threading.Event) -> None:
        raise KeyboardInterrupt

    with settings.context() as patch:
        patch.setattr(threading.Event, "wait", interrupt)
        dashboard_session.wait(console())
    assert "The dashboard has stopped." in capsys.readouterr().out


def test_no_such_stack() -> None:
    """Is named before anything is served."""
    with pytest.raises(Misconfigured, match="there is no stack elsewhere"):
        run("elsewhere", 0)
