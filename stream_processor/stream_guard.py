"""The stream that the tables count: a batch of any other is not counted, and said so.

Watermarks and claims are positions in one stream. In another one positions mean something else: where they
are lower, every record would be refused as counted already, and its calls be lost in silence. So the tables
keep the stream that they count, and a batch of another stays where it is, to be repeated, until somebody has
put that right.
"""

from __future__ import annotations

from typing import Protocol

from metering.errors import Misconfigured


class StreamIdentity(Protocol):
    """Which stream the tables count."""

    def keep(self, stream_arn: str) -> str:
        """The ARN of the stream that the tables count: this one, if there was none.

        Raises:
            Transient: the table does not answer.
        """
        ...


class StreamGuard:
    """Lets the batches of one stream pass. The table is asked once in the life of a process."""

    def __init__(self, identity: StreamIdentity) -> None:
        self._identity = identity
        self._counted: str | None = None

    def check(self, stream_arn: str) -> None:
        """Let a batch of this stream pass.

        Raises:
            Misconfigured: the tables count another stream.
            Transient: the table does not answer. The batch is to be repeated whole, as always.
        """
        if self._counted is None:
            self._counted = self._identity.keep(stream_arn)
        if stream_arn != self._counted:
            why = "positions of one stream mean nothing in another, and nothing of it was counted"
            raise Misconfigured(
                [f"a batch comes from {stream_arn}, and these tables count {self._counted}: {why}"]
            )
