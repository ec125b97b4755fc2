"""What the stream processor needs of storage: two conditional writes, a registration and a note.

Each write is atomic on its own and says what it found, so that nothing is ever read. A *watermark* is the
highest position of a shard that was written to an item; a write is refused where the shard's watermark is
not below the first position that it carries. Answers come in the order of the requests. A store translates
its own errors: what may work later is `UNAVAILABLE`, whether or not the write happened; what cannot work
raises :class:`metering.errors.Misconfigured`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from metering.period import Period
from metering.usage import Usage

DAY_SECONDS = 86_400
BYTES_OF_HASH = 8
BYTES_OF_CLAIM = 64
"""What a claim takes in an item beside its hashes, at most: shard, position, length."""


class Status(Enum):
    """What became of a write."""

    WRITTEN = "written"
    REFUSED = "refused"
    """The condition did not hold; nothing was changed."""
    UNAVAILABLE = "unavailable"
    """No answer, or none yet: it may have been written or not."""


class PageId(NamedTuple):
    """An item of the ledger: the events of one time slot and lane, and the number of the page."""

    slot: int
    lane: int
    page: int = 0


class Claim(NamedTuple):
    """A record of a shard claims events. `position` orders all claims of a shard in one slot and lane."""

    shard_id: str
    position: int
    hashes: tuple[int, ...]

    @property
    def size(self) -> int:
        """About how many bytes it takes in an item, never too few."""
        return BYTES_OF_CLAIM + BYTES_OF_HASH * len(self.hashes)


class Append(NamedTuple):
    """Append claims of one shard to a page, in the order of their positions.

    Refused where the shard's watermark in the page is not below the first position, or where the page is
    full: where it holds `full_at` bytes of claims or more.
    """

    page: PageId
    claims: tuple[Claim, ...]
    full_at: int
    slot_ends_at: int = 0
    """The end of the time slot, in epoch seconds: what the page's expiry is reckoned from."""


LEDGER_TTL_SECONDS = 12 * DAY_SECONDS
"""What the shipped ledger reckons with. Twice this and a day after its slot's end a page goes, since a claim
can be asked for until

- 1 day (a call's time lies so near to its log event's),
- 14 days (CloudWatch Logs takes log events that old),
- 1 day (it repeats a delivery for so long), and
- 7 days (Lambda's mapping hands out no record that is older, whatever the stream keeps)

after the slot's end. None of it is a setting: a claim never lives by what was set when it was made, so that
the stream's retention can be raised while a batch is stuck.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""


def expires_at(append: Append, now: int, ttl_seconds: int = LEDGER_TTL_SECONDS) -> int:
    """When the page of an append may go, in epoch seconds.

    All pages of a slot must go together, or a new first page would come before claims that are still asked
    for. So the time does not depend on when a claim is made, but for events that are older than any that
    CloudWatch Logs delivers: their claims live for two days.
    """
    return max(append.slot_ends_at + 2 * ttl_seconds + DAY_SECONDS, now + 2 * DAY_SECONDS)


class Page(NamedTuple):
    """What a page holds after an append, or at its refusal."""

    claims: Sequence[Claim] = ()
    watermark: int | None = None
    """Of the shard that asked."""
    size: int = 0
    """Bytes of claims, as :attr:`Claim.size` counts them."""


class LedgerAnswer(NamedTuple):
    """`page` says nothing where the ledger was unavailable."""

    status: Status
    page: Page = Page()


class Ledger(Protocol):
    """Who claimed which event first."""

    def append(self, appends: Sequence[Append]) -> Sequence[LedgerAnswer]:
        """Append to several pages, each on its own."""
        ...


class LedgerPages(Protocol):
    """Pages of the ledger as they were a moment ago. A page that was full then is the same now."""

    def read(self, pages: Sequence[PageId]) -> Sequence[Page | None]:
        """Pages in their order, without a watermark; None where there was none, or it is not known."""
        ...


class SliceId(NamedTuple):
    """A slice that the counters of a month and its days have."""

    month: Period
    number: int


class SliceRegistry(Protocol):
    """The slices of each month's counters above slice 0, which every counter has.

    Whoever reads a counter reads the slices that are registered, and no others.
    """

    def register(self, slices: Sequence[SliceId]) -> Sequence[Status]:
        """Register slices, each on its own, before anything is added to them. Never refused."""
        ...


class Increment(NamedTuple):
    """What a shard's records from position `first` to position `last` add to one counter."""

    key: str
    period: Period
    """A month or a day."""
    slice: int
    shard_id: str
    first: int
    last: int
    totals: Usage
    parts: Mapping[str, int]
    """Requests by part of the period: the days of a month (`05`), the hours of a day (`07`)."""


class CounterAnswer(NamedTuple):
    """What an increment found."""

    status: Status
    watermark: int | None = None
    """Where it was refused: the shard's watermark in that item."""
    totals: Usage | None = None
    """The item's totals: after it where it was written, as they are where it was refused."""
    parts: Mapping[str, int] = {}
    """Of a day: the item's requests in the hours that the increment names, likewise."""
    unreadable: str | None = None
    """Why there are no totals, although the item took or refused the increment: it holds some that cannot be
    read.
    """


class Counters(Protocol):
    """The usage of each key in each month and day."""

    def add(self, increments: Sequence[Increment]) -> Sequence[CounterAnswer]:
        """Add to several counters, each on its own. Refused where the shard's watermark in the item is not
        below the increment's first position; otherwise the watermark becomes its last position.
        """
        ...


class CountedStream(NamedTuple):
    """The stream that the tables count; None: not noted."""

    arn: str
    created_at: int | None = None
    """When it was made, in epoch milliseconds."""
    first: int | None = None
    """Where the first batch began that was counted of it."""


class Progress(NamedTuple):
    """Every record of a shard up to `position` is in its counters; that one arrived at `arrived_at_ms`."""

    shard_id: str
    position: int
    arrived_at_ms: int


class ProgressLog(Protocol):
    """How far each shard is. A note that is lost makes answers more pessimistic, never wrong."""

    def note(self, progress: Progress) -> None:
        """Keep the progress of a shard; never goes back."""
        ...


class Arrivals(NamedTuple):
    """How many log events of each log group the record at a position brought."""

    position: int
    events: Mapping[str, int]


class ArrivalLog(Protocol):
    """How far each shard is, with how many log events of each log group it has brought until there."""

    def note_arrivals(self, progress: Progress, arrivals: Sequence[Arrivals]) -> bool:
        """Keep the progress of a shard, unless a later one is there, and add the log events of those records
        that lie behind what was there: each once. Whether that is known to be done.
        """
        ...


class TopKeysList(NamedTuple):
    """The heaviest keys of a month that a shard has seen, with their requests."""

    month: Period
    shard_id: str
    version: int
    totals: Mapping[str, int]


class TopKeysStore(Protocol):
    """The lists of heaviest keys. One that is lost makes nothing wrong for long."""

    def put(self, heaviest: TopKeysList) -> tuple[Status, TopKeysList]:
        """Put a list in place of the version before it, with what is stored then. Refused where another
        version is there: then the answer holds that one.
        """
        ...
