"""A process that ends at one of its writes, or whose answer is lost, as hooks of its boto3 clients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

WRITES = ("dynamodb.TransactWriteItems", "s3.PutObject", "s3.DeleteObject")
KINDS = ("before", "lost answer", "after")


class Killed(BaseException):
    """The process ends here."""


class Strike:
    """Strikes at the write of that number, of all clients that it is attached to."""

    def __init__(self, at: int, kind: str, operations: Sequence[str] = WRITES) -> None:
        self._operations = operations
        self._at = at
        self._kind = kind
        self._writes = itertools.count(1)
        self.has_struck = False

    def attach(self, client: Any) -> Any:
        """The client, under the strike."""
        for operation in self._operations:
            client.meta.events.register(f"before-send.{operation}", self._before_send)
        return client

    def _before_send(self, request: AWSPreparedRequest, **_: Any) -> None:
        if next(self._writes) != self._at:
            return
        self.has_struck = True
        if self._kind != "before":
            URLLib3Session().send(request)
        if self._kind == "lost answer":
            raise ConnectionClosedError(endpoint_url=request.url)
        raise Killed


def at_each_write(
    attempt: Callable[[Strike], object], kinds: Sequence[str] = KINDS, operations: Sequence[str] = WRITES
) -> Iterator[str]:
    """Run an attempt again and again, struck at its first write, its second, and so on, in these ways: the
    name of each strike, after it. The attempt begins from the same state each time.

    What a process leaves that ends after a write is what one leaves that ends before the next: so `after` is
    shown at the last write alone.
    """
    last = 1
    for kind in kinds:
        for at in itertools.count(last if kind == "after" else 1):
            strike = Strike(at, kind, operations)
            with suppress(Killed):
                attempt(strike)
            if not strike.has_struck:
                break
            last = at
            yield f"{kind} write {at}"
