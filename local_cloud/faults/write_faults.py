"""Faults of DynamoDB writes, as botocore event hooks: throttling, lost answers, and crashes between two
writes.

They strike below the SDK's own retries, as they would on a network.
"""

import io
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from botocore.hooks import BaseEventHooks
from botocore.httpsession import URLLib3Session

from local_cloud.crash import CrashError

OPERATIONS = ("UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")

_CRASH_SHARE = 0.15
_STUBBORN_SHARE = 0.1
_STUBBORN_ATTEMPTS = 4
_MOST_PASSING_FAULTS = 1
_KINDS = ("throttled_write", "lost_answer", "unreachable_write")

_NO_FAULT = ("none", 0)

Fault = Callable[[AWSPreparedRequest], AWSResponse]


class WriteFaults:
    """Disturbs the writes of one invocation at a time, by a plan drawn when it begins.

    A fault passes after one attempt, so that the SDK's retry succeeds, or is stubborn and outlasts the SDK's
    standard three. Outside of invocations, nothing is disturbed.
    """

    def __init__(self, generator: random.Random, injected: Counter[str]) -> None:
        self._random = generator
        self._injected = injected
        self._lock = threading.Lock()
        self._http = URLLib3Session()
        self._writes = 0
        self._usual_writes = 1
        self._plan: dict[int, tuple[str, int]] = {}
        self._pending: dict[bytes, tuple[str, int]] = {}

    def attach(self, events: BaseEventHooks) -> None:
        """Disturb clients: those of a session made from now on (``session.events``), or one
        (``client.meta.events``).
        """
        for operation in OPERATIONS:
            hook: Callable[..., None] = cast("Callable[..., None]", self._before_send)  # its answer is used
            events.register(f"before-send.dynamodb.{operation}", hook)

    def begin_invocation(self) -> None:
        """Draw which of the invocation's writes are disturbed, and how."""
        with self._lock:
            self._usual_writes = max(1, self._writes, self._usual_writes // 2)
            self._writes = 0
            self._pending.clear()
            self._plan = dict(self._draw())

    def end_invocation(self) -> None:
        """From here on writes are left alone."""
        with self._lock:
            self._plan = {}
            self._pending.clear()

    def _draw(self) -> Iterator[tuple[int, tuple[str, int]]]:
        for _ in range(self._random.randint(0, _MOST_PASSING_FAULTS)):
            yield self._some_write(), (self._random.choice(_KINDS), 1)
        if self._random.random() < _STUBBORN_SHARE:
            yield self._some_write(), (self._random.choice(_KINDS), _STUBBORN_ATTEMPTS)
        if self._random.random() < _CRASH_SHARE:
            yield self._some_write(), (self._random.choice(("crash_before_write", "crash_after_write")), 1)

    def _some_write(self) -> int:
        return self._random.randrange(self._usual_writes)

    def _before_send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        kind = self._fault_for(request)
        return None if kind is None else self._strike(kind, request)

    def _fault_for(self, request: AWSPreparedRequest) -> str | None:
        """The fault for this attempt; the SDK's further attempts of a write carry the same body."""
        body = _bytes(request.body)
        with self._lock:
            if body not in self._pending:
                self._pending[body] = self._plan.pop(self._writes, _NO_FAULT)
                self._writes += 1
            kind, attempts = self._pending.pop(body)
            if attempts == 0:
                return None
            self._pending[body] = (kind, attempts - 1)
            self._injected[kind] += 1
            return kind

    def _strike(self, kind: str, request: AWSPreparedRequest) -> AWSResponse:
        strike: dict[str, Fault] = {
            "throttled_write": _throttle,
            "unreachable_write": _refuse,
            "lost_answer": self._lose_answer,
            "crash_before_write": _crash,
            "crash_after_write": self._crash_after,
        }
        return strike[kind](request)

    def _lose_answer(self, request: AWSPreparedRequest) -> AWSResponse:
        self._http.send(request)
        raise ConnectionClosedError(endpoint_url=request.url)

    def _crash_after(self, request: AWSPreparedRequest) -> AWSResponse:
        self._http.send(request)
        return _crash(request)


def response(request: AWSPreparedRequest, status: int, code: str, message: str) -> AWSResponse:
    """What a service of a JSON protocol answers in place of what was asked for."""
    content = json.dumps({"__type": code, "message": message}).encode()
    headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.0"})
    return AWSResponse(request.url, status, headers, _Raw(content))


def _throttle(request: AWSPreparedRequest) -> AWSResponse:
    return response(
        request,
        400,
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
    )


def _refuse(request: AWSPreparedRequest) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=request.url)


def _crash(request: AWSPreparedRequest) -> AWSResponse:
    raise CrashError(f"crash at a write to {request.url}")


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode()


class _Raw(io.BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """The whole body at once."""
        yield self.read()
