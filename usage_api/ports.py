"""What look-ups need of storage: only reads.

A store translates its own errors: what may work later raises :class:`metering.errors.Transient`, what cannot
work raises :class:`metering.errors.Misconfigured`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from metering.counters.breakdown import BreakdownIndex, KeyBreakdown
from metering.counters.counter import Counter
from metering.counters.traffic import MonthTraffic
from metering.period import Period
from metering.prices.tariff import Tariff
from metering.proof.archive import ArchiveMark
from metering.quotas.plan import AccountKeys, Assignment, Plan
from metering.source.state import SourceState


class ShardProgress(Protocol):
    """How far one shard is."""

    @property
    def shard_id(self) -> str:
        """The shard."""
        ...

    @property
    def counted_through(self) -> datetime:
        """All that reached the shard before is in the counters."""
        ...


class Completeness(Protocol):
    """How complete the counters are."""

    @property
    def complete_through(self) -> datetime | None:
        """All calls that reached the stream before are counted; None: nobody knows yet."""
        ...

    @property
    def shards(self) -> Sequence[ShardProgress]:
        """The shards that have progress."""
        ...

    @property
    def is_restored(self) -> bool:
        """Whether the table was restored to an earlier time, and lacks what was counted since."""
        ...


class CompletenessSource(Protocol):
    """Says how complete the counters are."""

    def read(self) -> Completeness:
        """As it is now, never optimistic: counters that are read later hold all that it promises."""
        ...


class SourceStateSource(Protocol):
    """Says whether all calls reach the stream."""

    def load(self) -> SourceState:
        """What the watch found last."""
        ...


class TariffSource(Protocol):
    """Says what calls cost."""

    def tariff(self) -> Tariff | None:
        """The tariff in force; None: none was published."""
        ...


class BreakdownSource(Protocol):
    """Says which endpoints were called."""

    def index(self, month: Period) -> BreakdownIndex | None:
        """What the last run found of all keys; None: there was none."""
        ...

    def of_key(self, index: BreakdownIndex, key: str) -> KeyBreakdown | None:
        """The calls of a key; None: it had none."""
        ...


class TrafficSource(Protocol):
    """Says what all keys together called."""

    def traffic(self, month: Period) -> MonthTraffic | None:
        """A month by hour; None: it was not added up."""
        ...


class InvoiceSource(Protocol):
    """The invoices that were issued."""

    def documents(self, account: str) -> Sequence[bytes]:
        """Those of an account, of the last months that have any, the latest first."""
        ...

    def file(self, month: Period, place: str, name: str) -> bytes | None:
        """A file of an invoice; None: it is not there."""
        ...


class ArchiveSource(Protocol):
    """Knows which months are archived."""

    def partly_archived(self) -> Sequence[ArchiveMark]:
        """The marks of months of which some batches are out of the table, and others are not, in order."""
        ...


class CounterSource(Protocol):
    """Reads counters, always the last state that was written."""

    def counter(self, key: str, period: Period) -> Counter:
        """The counter of a key in a month or day, by one request; with no usage where there is none."""
        ...

    def days(self, key: str, first: Period, last: Period) -> Sequence[Counter]:
        """Those days of a key, both ends included, that have a counter, in order and without their hours; by
        one Query.
        """
        ...

    def of_keys(self, keys: Iterable[str], period: Period) -> Sequence[Counter]:
        """The counters of those keys that have one in a month or day, in no order."""
        ...


class KeysPage(Protocol):
    """Some keys that have a plan, in the order of their ids."""

    @property
    def assignments(self) -> Sequence[Assignment]:
        """The keys with their plans."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether more follow."""
        ...


class PlanSource(Protocol):
    """Reads plans and who has which."""

    def plan(self, name: str) -> Plan | None:
        """A plan; None: there is none of that name."""
        ...

    def account(self, name: str) -> AccountKeys | None:
        """An account with its keys; None: nobody has ever belonged to it."""
        ...

    def assignment(self, key: str) -> Assignment | None:
        """The plan of a key; None: it has none."""
        ...

    def page(self, limit: int, after: str, prefix: str = "") -> KeysPage:
        """At most `limit` keys that have a plan, begin with a prefix and come after one, or from the first
        (`after` is empty).
        """
        ...

    def assignments_of(self, keys: Iterable[str]) -> Mapping[str, Assignment | None]:
        """The plans of several keys; None: it has none."""
        ...


class TopKeysSource(Protocol):
    """Knows which keys may be the heaviest."""

    def keys(self, month: Period) -> Sequence[str]:
        """The candidates of a month, in no order."""
        ...


class SigningKey(Protocol):
    """What signs links."""

    @property
    def id(self) -> str:
        """By which a link names it."""
        ...

    @property
    def secret(self) -> bytes:
        """32 random bytes."""
        ...


class LinkKeySource(Protocol):
    """Knows the key that signs links."""

    def current(self) -> SigningKey | None:
        """The key as it is now, never a former one; None: there is none, and no link is valid."""
        ...
