"""The stream that the tables count: a batch of any other is not counted, and said so.

Watermarks and claims are positions in one stream. In another one positions mean something else: where they
are lower, every record would be refused as counted already, and its calls be lost in silence. So the tables
keep the stream that they count, its ARN and when it was made, and a batch of another stays where it is, to be
repeated, until somebody has put that right.

A stream that was deleted and made again has the same ARN. Its sequence numbers are higher, as far as anybody
has seen, and then its records are counted as those of the first are. That is not taken for granted: the first
batch must lie above all that was counted of the stream before, or it is refused like one of another stream.
(Where a process that knows the stream before has counted something of the new one already, its numbers were
higher, and it arrived after the new one was made.)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn, Protocol

from metering.counters.ports import CountedStream
from metering.errors import Misconfigured


class StreamIdentity(Protocol):
    """Which stream the tables count."""

    def keep(self, stream_arn: str) -> CountedStream:
        """The stream that the tables count: this one, if there was none.

        Raises:
            Transient: the table does not answer.
        """
        ...

    def replace(self, before: CountedStream, stream: CountedStream) -> CountedStream:
        """Note when the stream was made, and where it begins, if nobody has noted something else: what is
        noted now.

        Raises:
            Transient: the table does not answer.
        """
        ...


class StreamGuard:
    """Lets the batches of one stream pass. Table and stream are asked when a process meets a shard first, and
    when a shard goes back: then records are read again, or the stream was made again.
    """

    def __init__(
        self,
        identity: StreamIdentity,
        created_at: Callable[[str], int],
        highest: Callable[[int], int],
        note: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """`created_at` says when a stream was made, by its ARN; `highest` gives the highest position that was
        counted of what had arrived before a time in epoch milliseconds, or -1. `note` is called with the
        reason of each refusal.
        """
        self._identity = identity
        self._created_at = created_at
        self._highest = highest
        self._note = note
        self._reached: dict[tuple[str, str], int] = {}
        """By stream and shard: where its last batch began."""

    def check(self, stream_arn: str, shard_id: str, first_position: int) -> None:
        """Let a batch of this stream pass that begins at a sequence number of a shard.

        Raises:
            Misconfigured: the tables count another stream.
            Transient: the table or the stream does not answer. The batch is to be repeated whole, as always.
        """
        place = stream_arn, shard_id
        if self._reached.get(place, first_position + 1) <= first_position:
            self._reached[place] = first_position
            return
        counted = self._identity.keep(stream_arn)
        if stream_arn != counted.arn:
            why = "positions of one stream mean nothing in another, and nothing of it was counted"
            self._refuse(f"a batch comes from {stream_arn}, and these tables count {counted.arn}: {why}")
        self._check_age(counted, self._created_at(stream_arn), first_position)
        self._reached[place] = first_position

    def _check_age(self, counted: CountedStream, created_at: int, first_position: int) -> None:
        if created_at == counted.created_at:
            return
        highest = max(self._highest(created_at), -1 if counted.first is None else counted.first)
        if counted.created_at is not None and first_position <= highest:
            self._refuse(_refusal(counted, created_at, first_position, highest))
        noted = self._identity.replace(counted, CountedStream(counted.arn, created_at, first_position))
        if noted.created_at != created_at:
            self._check_age(noted, created_at, first_position)

    def _refuse(self, reason: str) -> NoReturn:
        self._note(reason)
        raise Misconfigured([reason])


def _refusal(counted: CountedStream, created_at: int, first_position: int, highest: int) -> str:
    made, was_made = _time(created_at), _time(counted.created_at)
    return (
        f"{counted.arn} was made again at {made}, and a batch of it begins at {first_position}: these tables "
        f"have counted up to {highest} of the stream that was made at {was_made}, and would take the batch "
        "for counted. Nothing of it was"
    )


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "an unknown time"
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
