"""Lambda's Runtime API on this machine, for one event at a time.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import re
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

_NEXT = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_OUTCOME = re.compile(r"/2018-06-01/runtime/invocation/[^/]+/(response|error)")
_SECONDS = 60


class FunctionFailed(Exception):
    """The function raised, could not be loaded, or died; the text is what it said."""


class _Outcome(NamedTuple):
    kind: str
    body: bytes


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.Queue[bytes | None] = queue.Queue()
        self.outcomes: queue.Queue[_Outcome] = queue.Queue()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Wait for the next event, and hand it over."""
        event = self.server.events.get()
        if event is None:
            self._answer(HTTPStatus.GONE, b"")
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + _SECONDS * 1000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:any",
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
        }
        self._answer(HTTPStatus.OK if self.path == _NEXT else HTTPStatus.NOT_FOUND, event, headers)

    def do_POST(self) -> None:
        """Take an answer, or an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        outcome = _OUTCOME.fullmatch(self.path)
        kind = "error" if self.path == _INIT_ERROR or outcome is None else outcome.group(1)
        self.server.outcomes.put(_Outcome(kind, body))
        self._answer(HTTPStatus.ACCEPTED, b"{}")

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing is logged."""


class RuntimeProcess:
    """A function in a process of its own under Lambda's runtime client, as a context manager."""

    def __init__(
        self, interpreter: Path, client: Path, package: Path, handler: str, environment: Mapping[str, str]
    ) -> None:
        """Run `handler` of the folder `package`; nothing but `environment` and the client is around it."""
        self._server = _Server()
        self._command = [str(interpreter), "-S", "-m", "awslambdaric", handler]
        self._package = package
        self._environment = {
            **environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": handler.partition(".")[0],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "LAMBDA_TASK_ROOT": str(package),
            "PYTHONPATH": str(client),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            cwd=self._package,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._server.events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: Any) -> Any:
        """The function's answer to an event.

        Raises:
            FunctionFailed: there is none.
        """
        self._server.events.put(json.dumps(event).encode())
        outcome = self._outcome()
        if outcome.kind == "error":
            raise FunctionFailed(outcome.body.decode())
        return json.loads(outcome.body)

    def _outcome(self) -> _Outcome:
        for _ in range(_SECONDS * 10):
            with contextlib.suppress(queue.Empty):
                return self._server.outcomes.get(timeout=0.1)
            if self._process.poll() is not None:
                break
        raise FunctionFailed(f"no answer; its exit code is {self._process.poll()}, its log: {self._said()}")

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()
