"""Sources of the look-ups in memory, which note the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from metering.counters.breakdown import BreakdownIndex, KeyBreakdown
from metering.counters.counter import Counter
from metering.counters.traffic import MonthTraffic
from metering.period import Period
from metering.prices.tariff import Tariff
from metering.proof.archive import ArchiveMark
from metering.quotas.plan import AccountKeys, Assignment, Plan
from metering.source.state import SourceState
from metering.usage import NO_USAGE
from usage_api.queries import UsageQueries, UsageSources

NOW = datetime(2026, 11, 24, 19, 0, 3, 999_999, tzinfo=UTC)
THROUGH = datetime(2026, 11, 24, 18, 59, 0, 500_000, tzinfo=UTC)


@dataclass(frozen=True)
class Shard:
    """A shard's progress."""

    shard_id: str
    counted_through: datetime


@dataclass(frozen=True)
class Complete:
    """How complete everything is."""

    complete_through: datetime | None = THROUGH
    shards: Sequence[Shard] = ()
    is_restored: bool = False


@dataclass
class Page:
    """Some keys."""

    assignments: Sequence[Assignment]
    has_more: bool


@dataclass
class Memory:
    """All sources."""

    counters: Mapping[tuple[str, Period], Counter] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    accounts: Mapping[str, AccountKeys] = field(default_factory=dict)
    candidates: Sequence[str] = ()
    complete: Complete = field(default_factory=Complete)
    source: SourceState = field(default_factory=SourceState)
    archiving: Sequence[ArchiveMark] = ()
    reads: list[str] = field(default_factory=list)
    failure: Exception | None = None
    prices: Tariff | None = None
    months: Mapping[Period, MonthTraffic] = field(default_factory=dict)
    invoices: Mapping[tuple[Period, str, str], bytes] = field(default_factory=dict)
    breakdowns: Mapping[Period, tuple[BreakdownIndex, Sequence[KeyBreakdown]]] = field(default_factory=dict)

    def look_ups(self, default_plan: str | None = None, now: datetime = NOW) -> UsageQueries:
        """The look-ups on these."""
        return UsageQueries(UsageSources(*[self] * 10), lambda: now, default_plan)

    def load(self) -> SourceState:
        """What is known of the source."""
        return self.source

    def counter(self, key: str, period: Period) -> Counter:
        """One."""
        self._note(f"counter {period}")
        return self.counters.get((key, period), Counter(key, period, NO_USAGE))

    def days(self, key: str, first: Period, last: Period) -> Sequence[Counter]:
        """Some days."""
        self._note(f"days {first} {last}")
        return [
            one
            for (whose, period), one in sorted(self.counters.items())
            if whose == key and len(period) == len(first) and first <= period <= last
        ]

    def of_keys(self, keys: Iterable[str], period: Period) -> Sequence[Counter]:
        """Those of several keys."""
        self._note(f"counters {period}")
        return [self.counters[key, period] for key in keys if (key, period) in self.counters]

    def plan(self, name: str) -> Plan | None:
        """A plan."""
        self._note(f"plan {name}")
        return self.plans.get(name)

    def account(self, name: str) -> AccountKeys | None:
        """An account."""
        self._note(f"account {name}")
        return self.accounts.get(name)

    def assignment(self, key: str) -> Assignment | None:
        """Who has it."""
        self._note(f"assignment {key}")
        return self.assignments.get(key)

    def page(self, limit: int, after: str, prefix: str = "") -> Page:
        """Some keys."""
        self._note(f"page {limit} {after}")
        keys = (key for key in sorted(self.assignments) if key > after and key.startswith(prefix))
        found = [self.assignments[key] for key in keys]
        return Page(found[:limit], len(found) > limit)

    def assignments_of(self, keys: Iterable[str]) -> Mapping[str, Assignment | None]:
        """The plans of several."""
        wanted = list(keys)
        self._note(f"assignments {len(wanted)}")
        return {key: self.assignments.get(key) for key in wanted}

    def read(self) -> Complete:
        """How complete all is."""
        self._note("completeness")
        return self.complete

    def tariff(self) -> Tariff | None:
        """What is in force."""
        return self.prices

    def documents(self, account: str) -> Sequence[bytes]:
        """The invoices of an account."""
        self._note(f"invoices {account}")
        files = sorted(self.invoices.items(), reverse=True)
        places = {account, *(f"adjustment:{currency}:{account}" for currency in ("EUR", "USD"))}
        return [content for (_, place, name), content in files if name == "invoice.json" and place in places]

    def file(self, month: Period, place: str, name: str) -> bytes | None:
        """A file of an invoice."""
        self._note(f"invoice {place}")
        return self.invoices.get((month, place, name))

    def index(self, month: Period) -> BreakdownIndex | None:
        """Which endpoints all keys called."""
        return self.breakdowns[month][0] if month in self.breakdowns else None

    def of_key(self, index: BreakdownIndex, key: str) -> KeyBreakdown | None:
        """Which endpoints a key called."""
        self._note(f"breakdown {key}")
        return next((one for one in self.breakdowns[index.month][1] if one.key == key), None)

    def traffic(self, month: Period) -> MonthTraffic | None:
        """What all keys called."""
        self._note(f"traffic {month}")
        return self.months.get(month)

    def partly_archived(self) -> Sequence[ArchiveMark]:
        """Archives that are not finished."""
        return self.archiving

    def keys(self, month: Period) -> Sequence[str]:
        """Who may be the heaviest."""
        self._note(f"heaviest {month}")
        return self.candidates

    def _note(self, what: str) -> None:
        self.reads.append(what)
        if self.failure is not None:
            raise self.failure
