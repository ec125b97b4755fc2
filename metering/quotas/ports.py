"""What quotas need of storage: plans with counters to decide by, leases to spend, thresholds to publish.

A store translates its own errors: what may work later raises :class:`metering.errors.Transient`, or is
answered `UNAVAILABLE` where the write may have happened; what cannot work raises
:class:`metering.errors.Misconfigured`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from metering.errors import UnreadableItem
from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.plan import AccountKeys, Assignment, Plan

# --- Deciding


class Wanted(NamedTuple):
    """What a decision lacks: the counters of a key in some months and days, and perhaps its plan."""

    key: str
    periods: frozenset[Period]
    assignment: bool = True
    plan: str | None = None
    """The name of a plan to read as well."""


class Facts(NamedTuple):
    """What is known of a key. What was not asked for, and what is not there, is None."""

    counted: Counted
    """By month, day, and hour of the days; of an hour the requests only."""
    assignment: Assignment | None = None
    plan: Plan | None = None


class QuotaStore(Protocol):
    """Reads what decides."""

    def read(self, wanted: Wanted) -> Facts:
        """All that is wanted, by one request.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...

    def plan(self, name: str) -> Plan | None:
        """A plan.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...

    def account(self, name: str) -> AccountKeys | None:
        """An account with its keys; None: nobody has ever belonged to it.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...

    def counted(self, keys: Iterable[str], periods: frozenset[Period]) -> Counted:
        """What the counters of several keys hold together in some months and days, as :class:`Facts` has it.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...

    def key_of(self, digest: str) -> str | None:
        """The id of the key with a digest; None: no such key was made known.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...

    def settled_through(self) -> int | None:
        """Epoch seconds: what reached the stream before is counted, and no batch of it was given up. None:
        nobody can say.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...


# --- Reserving

SPENT_SECONDS = 300
"""What closed leases spent is kept by slots of so many seconds."""


def spent_slot(at: int) -> int:
    """The slot of a time in epoch seconds."""
    return at // SPENT_SECONDS


class Lease(NamedTuple):
    """So many calls may be let through until a time in epoch seconds."""

    amount: int
    expires_at: int


class Closed(NamedTuple):
    """A lease that ended: how it was spent, and when that was closed."""

    lease_id: str
    spent: int
    unspent: int
    at: int


class LeasePlace(NamedTuple):
    """Where the leases on one limit of one key, or of one account, are kept."""

    key: str
    """Or :func:`metering.quotas.plan.holder_of` an account."""
    limit: str
    """Its name."""


class LeaseRecord(NamedTuple):
    """The leases on a limit in one period.

    `granted` is never less than the calls that were let through in the period and those that still may be.
    """

    period: Period
    granted: int
    leases: Mapping[str, Lease]
    """Those that are not closed: live ones, and those of an authorizer that ended without closing them."""
    spent: Mapping[int, int]
    """What closed leases spent, by :func:`spent_slot` of their closing."""


class LeaseChange(NamedTuple):
    """Close a lease, take a new one, or both at once.

    Refused where the period is another, where more than `room` is granted already, where the lease to be
    closed is not there, or where the new one is: then an attempt whose answer was lost had written it.
    """

    place: LeasePlace
    period: Period
    room: int
    lease_id: str | None = None
    lease: Lease | None = None
    closed: Closed | None = None
    forget: Sequence[int] = ()
    """Slots of `spent` to be removed."""


class LeaseStatus(Enum):
    """What became of a write."""

    WRITTEN = "written"
    REFUSED = "refused"
    """Nothing was changed; the lease record in the answer shows why."""
    UNAVAILABLE = "unavailable"
    """No answer: it may have been written or not."""


class LeaseAnswer(NamedTuple):
    """The lease record after a write, or the one that prevented it; None: there is none, or no answer."""

    status: LeaseStatus
    sheet: LeaseRecord | None = None


class LeaseStore(Protocol):
    """The sheets, each written by one atomic request."""

    def begin(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        """Begin a period's lease record. Refused where there is a record of that period or a later one."""
        ...

    def take(self, take: LeaseChange) -> LeaseAnswer:
        """Change a lease record by one lease or two."""
        ...

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        """Put another lease record of the same period in place of one. Refused where it has changed since."""
        ...


# --- Notifying


class ThresholdCrossing(NamedTuple):
    """The usage of a key has reached a threshold of a limit, in a period.

    The same fact has the same `id`, whoever finds it and however often.
    """

    id: str
    key: str
    account: str
    plan: str
    plan_version: int
    metric: str
    period: Period
    amount: int
    """Of the limit, as it applies to the key."""
    kind: str
    threshold: int
    """A percentage of the amount."""
    used: int
    """What the counter held when it was found: at least the threshold."""
    mail: str = ""
    """The address of the account; empty: it has none."""


class ClaimStatus(Enum):
    """The result of a claim to publish a crossing."""

    OURS = "ours"
    PUBLISHED = "published"
    """It was published before."""
    TAKEN = "taken"
    """Another processor is about to publish it, unless it has ended since."""
    UNAVAILABLE = "unavailable"


class Notification(NamedTuple):
    """A claim: this shard's processor will publish a crossing, at a time in epoch seconds.

    It succeeds where nobody claims the crossing, where the same shard does (its batches never run side by
    side), or where the claim of another is from before `stale_before`.
    """

    crossing: ThresholdCrossing
    shard_id: str
    now: int
    stale_before: int


class KeyPlan(NamedTuple):
    """The plan of a key, with its assignment."""

    assignment: Assignment
    plan: Plan


class SharedPlan(NamedTuple):
    """The plan of an account, and the keys that it holds for together."""

    key_plan: KeyPlan
    keys: frozenset[str]


class NotificationStore(Protocol):
    """What the finder of crossings needs of storage. One item that cannot be decoded must not stop a shard:
    what is read of several is each for itself its value, or why there is none.
    """

    def plans_of(self, keys: Sequence[str]) -> Mapping[str, KeyPlan | UnreadableItem]:
        """The plans of those keys that have one.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        ...

    def accounts_of(self, names: Sequence[str]) -> Mapping[str, SharedPlan | UnreadableItem]:
        """The plans of those accounts that have one.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        ...

    def slices_of(self, months: Sequence[Period]) -> Mapping[Period, frozenset[int]]:
        """The slices that are registered by now, and slice 0, for each month.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        ...

    def totals_of(
        self, places: Sequence[tuple[str, Period, int]]
    ) -> Mapping[tuple[str, Period, int], Counted | UnreadableItem]:
        """What slices of counters (key, month or day, number) hold by now, by period.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        ...

    def claim(self, notifications: Sequence[Notification]) -> Sequence[ClaimStatus]:
        """Claim crossings, each on its own."""
        ...

    def mark_published(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[bool]:
        """Mark crossings as published; False: no answer, it may be marked or not."""
        ...

    def defer(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[bool]:
        """Keep crossings that cannot be published now; False: no answer."""
        ...

    def deferred(self, start: str = "") -> Sequence[ThresholdCrossing | UnreadableItem]:
        """Some of the crossings waiting to be published, in order of their ids: first those from `start` on,
        then those before it. So callers with different starts share the work.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        ...

    def settle(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[bool]:
        """Remove crossings from those that wait; False: no answer."""
        ...


class ThresholdPublisher(Protocol):
    """Publishes threshold events."""

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[str | None]:
        """Publish crossings, each as an event: None for each that was taken, or why it was not."""
        ...
