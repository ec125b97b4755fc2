"""Services that are slow, hang or refuse, as hooks of botocore: below the time-outs and retries of the
function's own client, as on a network.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, Final

import botocore.endpoint
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

import stream_processor.handler
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from local_cloud.faults.write_faults import response


class FaultMode(StrEnum):
    """How a service behaves."""

    SLOW = "slow"
    HANGING = "hanging"
    """It takes a request and does not answer: the client gives up after its own time-out."""
    REFUSING = "refusing"
    """It answers each request that there are too many."""


DYNAMODB: Final = "dynamodb"
EVENTBRIDGE: Final = "eventbridge"
ATHENA: Final = "athena"

_SLOW_SECONDS: Final = {DYNAMODB: 0.1, EVENTBRIDGE: 1.0, ATHENA: 3.0}
_REFUSALS: Final = {
    DYNAMODB: "ProvisionedThroughputExceededException",
    EVENTBRIDGE: "ThrottlingException",
    ATHENA: "TooManyRequestsException",
}
_READS: Final = frozenset({"BatchGetItem", "GetItem", "Query", "Scan"})

OnThrottled = Callable[[str, str], None]
"""Called with the table of each request that DynamoDB refuses, and the metric that counts it."""


class ServiceFaults:
    """Disturbs the requests of clients, and counts them."""

    def __init__(
        self,
        mode_of: Callable[[str], FaultMode | None],
        refuses: Callable[[str], bool],
        sleep: Callable[[float], None],
        on_throttled: OnThrottled,
    ) -> None:
        """`mode_of` says how a service behaves now (None: it works), `refuses` whether a DynamoDB that
        refuses does so for a table; `sleep` lets the soak's time pass.
        """
        self._mode_of = mode_of
        self._refuses = refuses
        self.disturbed: Counter[str] = Counter()
        """Attempts so far that were disturbed, such as `dynamodb hanging`."""
        self.answered_writes = 0
        """Writes that DynamoDB got."""
        self._sleep = sleep
        self._on_throttled = on_throttled

    def attach(self, client: Any) -> Any:
        """Disturb a boto3 client from now on; the client."""
        service = client.meta.service_model.service_id.hyphenize()
        read_timeout = float(client.meta.config.read_timeout)

        def before_send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
            return self._before_send(service, read_timeout, request)

        client.meta.events.register(f"before-send.{service}", before_send)
        return client

    def _before_send(
        self, service: str, read_timeout: float, request: AWSPreparedRequest
    ) -> AWSResponse | None:
        operation = _operation(request.headers)
        mode = self._mode_of(service)
        if mode is not None:
            self.disturbed[f"{service} {mode}"] += 1
        match mode:
            case FaultMode.SLOW:
                self._sleep(_SLOW_SECONDS[service])
            case FaultMode.HANGING:
                self._sleep(read_timeout)
                raise ReadTimeoutError(endpoint_url=request.url)
            case FaultMode.REFUSING if (refused := self._refused(service, operation, request)) is not None:
                return refused
        self.answered_writes += service == DYNAMODB and operation not in _READS
        return None

    def _refused(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """The answer to a request that is refused; None if it is not."""
        if service == DYNAMODB:
            body: Any = request.body
            tables = [table for table in _tables(json.loads(body)) if self._refuses(table)]
            if not tables:
                return None
            for table in tables:
                self._on_throttled(
                    table, "ReadThrottleEvents" if operation in _READS else "WriteThrottleEvents"
                )
        return response(request, 400, _REFUSALS[service], "Too many requests.")


@contextmanager
def soak_time(now: Callable[[], datetime], sleep: Callable[[float], None]) -> Iterator[None]:
    """Let the clock of the stream processor, and the pauses between the attempts of boto's clients and of
    updates, be of the soak's time.
    """
    updates: Any = ConditionalUpdates.__init__
    places: list[tuple[Any, str, object]] = [
        (updates, "__kwdefaults__", {**updates.__kwdefaults__, "pause": sleep}),
        (botocore.endpoint, "time", SimpleNamespace(sleep=sleep)),
        (stream_processor.handler, "datetime", SimpleNamespace(now=lambda _zone: now())),
    ]
    real = [(module, name, getattr(module, name)) for module, name, _ in places]
    for module, name, value in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in real:
            setattr(module, name, value)


def _operation(headers: Any) -> str:
    target: str | bytes = headers.get("X-Amz-Target", "")
    text = target.decode() if isinstance(target, bytes) else target
    return text.rpartition(".")[2]


def _tables(request: Mapping[str, Any]) -> list[str]:
    """The tables of a request of DynamoDB."""
    if "TableName" in request:
        return [request["TableName"]]
    if "TransactItems" in request:
        return [one["TableName"] for item in request["TransactItems"] for one in item.values()]
    return list(request.get("RequestItems", {}))
