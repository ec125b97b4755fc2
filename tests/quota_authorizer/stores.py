"""A store of plans and counters in memory, that counts its requests and can be out of reach."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from metering.errors import Transient
from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import AccountKeys, Assignment, Plan, holder_of
from metering.quotas.ports import Facts, Wanted
from metering.usage import Usage
from quota_authorizer.authorizer import Authorizer, AuthorizerOptions, CredentialVerifiers
from quota_authorizer.decision import OnFailure, QuotaDecider
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.leases import LeaseBook
from simulation.quotas.store import LeasesInMemory

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC).timestamp()
HOUR, DAY, MONTH = Period("2026-11-05T12"), Period("2026-11-05"), Period("2026-11")


class Clock:
    """Seconds, moved by hand."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class QuotasInMemory:
    """The port `QuotaStore`."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.assignments: dict[str, Assignment] = {}
        self.usage: dict[str, Counted] = {}
        self.accounts: dict[str, AccountKeys] = {}
        self.ids: dict[str, str] = {}
        self.through: int | None = None
        self.requests: list[object] = []
        self.out_of_reach = False
        self.before_answer: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def give(self, key: str, plan: Plan, **assignment: object) -> None:
        """Give a key a plan."""
        self.plans[plan.name] = plan
        self.assignments[key] = Assignment(key, plan.name, **assignment)  # type: ignore[arg-type]

    def give_account(self, name: str, plan: Plan, *keys: str, **assignment: object) -> None:
        """Give an account a plan, and keys to it."""
        self.plans[plan.name] = plan
        held = Assignment(holder_of(name), plan.name, name, **assignment)  # type: ignore[arg-type]
        self.accounts[name] = AccountKeys(name, held, frozenset(keys))

    def count(self, key: str, requests: int) -> None:
        """Say how many calls of a key are counted at noon."""
        self.usage[key] = dict.fromkeys((HOUR, DAY, MONTH), Usage(requests))

    def read(self, wanted: Wanted) -> Facts:
        self._ask(wanted)
        counted = {
            period: usage
            for period, usage in self.usage.get(wanted.key, {}).items()
            if period in wanted.periods or Period(period[:10]) in wanted.periods
        }
        return Facts(
            counted,
            self.assignments.get(wanted.key) if wanted.assignment else None,
            self.plans.get(wanted.plan) if wanted.plan else None,
        )

    def plan(self, name: str) -> Plan | None:
        self._ask(name)
        return self.plans.get(name)

    def account(self, name: str) -> AccountKeys | None:
        self._ask(("account", name))
        return self.accounts.get(name)

    def counted(self, keys: Iterable[str], periods: frozenset[Period]) -> Counted:
        names = sorted(keys)
        self._ask(("counted", *names))
        total: dict[Period, Usage] = {}
        for key in names:
            for period, usage in self.usage.get(key, {}).items():
                if period in periods or Period(period[:10]) in periods:
                    total[period] = total.get(period, Usage()) + usage
        return total

    def key_of(self, digest: str) -> str | None:
        self._ask("key_of")
        return self.ids.get(digest)

    def settled_through(self) -> int | None:
        self._ask("settled_through")
        return self.through

    def _ask(self, what: object) -> None:
        with self._lock:
            self.requests.append(what)
        self.before_answer()
        if self.out_of_reach:
            raise Transient("no answer from the store")


class Desk:
    """An authorizer of one process, with its store and its clock."""

    def __init__(
        self,
        store: QuotasInMemory | None = None,
        leases: LeasesInMemory | None = None,
        *,
        options: AuthorizerOptions | None = None,
        on_failure: OnFailure = OnFailure.ALLOW,
        default_plan: str | None = None,
        name: str = "one",
    ) -> None:
        self.store = store or QuotasInMemory()
        self.clock = Clock()
        self.known = KnownKeys(
            self.store, self.clock, counters_seconds=5, plans_seconds=60, default_plan=default_plan
        )
        numbers = iter(range(10**6))
        self.leases = LeaseBook(leases or LeasesInMemory(), lambda: f"{name}-{next(numbers)}")
        self.decide = QuotaDecider(self.known, self.leases, on_failure)
        self._options = options or AuthorizerOptions()
        self.authorizer = Authorizer(self.decide, self.known, CredentialVerifiers(digest_of), self._options)

    def believe(self, key_of_bearer: Callable[[str, float], str | None]) -> None:
        """Let bearer tokens name keys."""
        proofs = CredentialVerifiers(digest_of, key_of_bearer)
        self.authorizer = Authorizer(self.decide, self.known, proofs, self._options)

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """The answer to an event, now."""
        return self.authorizer.answer(event, self.clock.now)
