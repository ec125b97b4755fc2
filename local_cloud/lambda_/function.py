"""A Lambda function as the local cloud runs it: in this process, one invocation at a time."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Handler = Callable[[dict[str, Any], Any], Any]


class FunctionError(Exception):
    """The function raised, or its answer is no JSON; the text says which."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda passes as ``context``
    (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html).
    """

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    deadline: float
    """In the seconds of ``time.monotonic``."""
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    client_context: None = None
    identity: None = None

    @property
    def log_group_name(self) -> str:
        """Where the function's own log goes."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """The log stream of this execution environment."""
        return f"local/[{self.function_version}]{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """The milliseconds left until the function's timeout, never below 0."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class LambdaFunction:
    """A handler with the properties of its function.

    An execution environment of Lambda runs one invocation at a time, and handlers rely on it; so invocations
    from several threads wait for one another here.
    """

    def __init__(
        self, name: str, handler: Handler, *, arn: str, timeout_seconds: float = 60, memory_mb: int = 128
    ) -> None:
        self.name = name
        self.arn = arn
        self._handler = handler
        self._timeout_seconds = timeout_seconds
        self._memory_mb = memory_mb
        self._lock = threading.Lock()

    def invoke(self, event: Mapping[str, Any], request_id: str | None = None) -> Any:
        """Call the handler with a copy of ``event`` and return its answer as the JSON that Lambda would pass
        on.

        Raises:
            FunctionError: whatever the handler raised (also ``SystemExit`` or a simulated crash), or an
            answer that is no JSON.
        """
        with self._lock:
            try:
                return json.loads(
                    json.dumps(self._handler(json.loads(json.dumps(event)), self._context(request_id)))
                )
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise FunctionError(f"{type(error).__name__}: {error}") from error

    def _context(self, request_id: str | None) -> LambdaContext:
        return LambdaContext(
            function_name=self.name,
            invoked_function_arn=self.arn,
            memory_limit_in_mb=str(self._memory_mb),
            deadline=time.monotonic() + self._timeout_seconds,
            aws_request_id=request_id or str(uuid.uuid4()),
        )
