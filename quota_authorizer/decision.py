"""Whether a call of a key is let through: by its plan and that of its account, their counters and leases.

Where the store does not answer, what was known before decides. If that denies nothing, or nothing is known,
the setting `on_failure` does: such a call is *unchecked*.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final, NamedTuple

from metering.errors import MeterError
from metering.quotas.decision import Decision, Standing, denial, periods_at, standings, verdict
from metering.quotas.plan import HOUR_SECONDS, Kind, Limit, Mode, holder_of
from metering.quotas.ports import LeasePlace
from quota_authorizer.key_cache import NO_FACTS, KeyFacts, KnownKey, KnownKeys
from quota_authorizer.leases import LeaseBook, LeaseRequest, Recount, Spending, Spent

STORE_FAILURES: Final = "StoreFailures"
"""Decisions for which the store did not answer: a metric."""


class OnFailure(StrEnum):
    """What happens to calls while the store does not answer."""

    ALLOW = "allow"
    DENY = "deny"


class DecisionOutcome(StrEnum):
    """What became of a call; each is a metric."""

    ALLOWED = "Allowed"
    DENIED = "Denied"
    UNKNOWN_KEY = "UnknownKeys"
    SUSPENDED = "Suspended"
    """Or expired."""
    UNCHECKED = "Unchecked"
    """Whose key it is was known, but not how much of its limits is used."""
    UNVERIFIED = "Unverified"
    """Refused: nobody could say whose key it is, because the issuer's keys or the store could not be read."""


class QuotaDecision(NamedTuple):
    """The decision on a call of a key."""

    outcome: DecisionOutcome
    decision: Decision
    plan: str = ""


class _Case(NamedTuple):
    """A call of a key with a plan."""

    key: str
    plan: str
    at: float
    """When API Gateway took it, in epoch seconds."""
    now: float
    """When it is decided on, by this authorizer's clock."""
    failed: bool = False
    """The store did not answer for all of it."""


class _Limited(NamedTuple):
    """Who is limited: a key, or the keys of an account together."""

    holder: str
    """Of leases."""
    known: KnownKey
    facts: KeyFacts
    account: str = ""
    keys: frozenset[str] | None = None
    """Those of the account."""

    def may_call(self, at: float) -> bool:
        """Whether any call is let through."""
        return self.facts.assignment is None or self.facts.assignment.may_call(at)

    def standings(self, at: int) -> list[Standing]:
        """What is used of the limits, with the calls that were let through here since the counters were
        read.
        """
        found = standings(self.facts.limits, self.known.counted, at)
        admitted = self.known.admitted if at // HOUR_SECONDS == self.known.hour else 0
        if not admitted and not self.account:
            return found
        return [
            one._replace(used=one.used + admitted * one.limit.metric.is_of_calls, account=self.account)
            for one in found
        ]


class QuotaDecider:
    """Decides on calls. `counts` holds what happened since it was last emptied."""

    def __init__(self, known: KnownKeys, leases: LeaseBook, on_failure: OnFailure) -> None:
        self._known = known
        self._leases = leases
        self._on_failure = on_failure
        self.counts: Counter[str] = Counter()

    def decide(self, key: str, at: float, now: float) -> QuotaDecision:
        """Decide on a call of a key that API Gateway took at `at`, both times in epoch seconds."""
        known = self._known.known(key, int(at))
        if known.failed:
            self.counts[STORE_FAILURES] += 1
        facts = known.facts
        decided = (
            self.unchecked() if facts is None else self._by_facts(_case(key, facts, at, now), known, facts)
        )
        self.counts[decided.outcome] += 1
        return decided

    def unchecked(self, plan: str = "") -> QuotaDecision:
        """What the setting says about a call that cannot be decided on."""
        allowed = self._on_failure is OnFailure.ALLOW
        return QuotaDecision(DecisionOutcome.UNCHECKED, Decision(allowed, None, None if allowed else 1), plan)

    def _by_facts(self, case: _Case, known: KnownKey, facts: KeyFacts) -> QuotaDecision:
        limited = [_Limited(case.key, known, facts)]
        account = facts.assignment.account if facts.assignment is not None else ""
        if account and (of_account := self._account(account, case)) is not None:
            limited.append(of_account)
        if not all(one.may_call(case.at) for one in limited):
            return QuotaDecision(DecisionOutcome.SUSPENDED, Decision(allowed=False), case.plan)
        found = [(one, standing) for one in limited for standing in one.standings(int(case.at))]
        decision = verdict([standing for _, standing in found if not _is_reserved(standing.limit)], case.at)
        if not decision.allowed:
            return QuotaDecision(DecisionOutcome.DENIED, decision, case.plan)
        case = case._replace(failed=any(one.known.failed for one in limited))
        if any(one.known.facts is None for one in limited):
            return self.unchecked(case.plan)
        if case.failed and self._on_failure is OnFailure.DENY:
            return self.unchecked(case.plan)
        if not any(one.facts.has_reserved for one in limited):
            return self._admit(case, limited, decision)
        return self._reserve(case, limited, found)

    def _account(self, name: str, case: _Case) -> _Limited | None:
        """The account of a key, if it has a plan, or if nobody can say whether it has."""
        known = self._known.account(name, int(case.at))
        if known.failed:
            self.counts[STORE_FAILURES] += 1
        facts = known.facts or NO_FACTS
        if known.facts is not None and facts.assignment is None:
            return None
        return _Limited(holder_of(name), known, facts, name, known.keys)

    def _reserve(
        self, case: _Case, limited: list[_Limited], found: list[tuple[_Limited, Standing]]
    ) -> QuotaDecision:
        """Spend a unit of each reserved limit; if one is exhausted, the others get theirs back."""
        places: list[LeasePlace] = []
        for number, (one, standing) in enumerate(found):
            if not _is_reserved(standing.limit):
                continue
            place = LeasePlace(one.holder, standing.limit.name)
            spent = self._spend(self._request(case, one, place, standing), case.now)
            if spent.outcome is not Spending.SPENT:
                for other in places:
                    self._leases.give_back(other)
                return self._not_spent(case, standing, spent)
            places.append(place)
            found[number] = one, standing._replace(used=standing.limit.amount - spent.remaining)
        all_of_them = [standing for _, standing in found]
        closest = verdict([one for one in all_of_them if not one.denies] or all_of_them, case.at)
        return self._admit(case, limited, Decision(allowed=True, standing=closest.standing))

    def _spend(self, request: LeaseRequest, now: float) -> Spent:
        try:
            return self._leases.spend(request, now)
        except MeterError as error:
            self._known.last_error = str(error)
            return Spent(Spending.UNAVAILABLE)

    def _not_spent(self, case: _Case, standing: Standing, spent: Spent) -> QuotaDecision:
        if spent.outcome is Spending.UNAVAILABLE:
            self.counts[STORE_FAILURES] += 1
            return self.unchecked(case.plan)
        exhausted = standing._replace(used=max(standing.used, standing.limit.amount))
        return QuotaDecision(DecisionOutcome.DENIED, denial(exhausted, case.at, spent.retry_after), case.plan)

    def _admit(self, case: _Case, limited: list[_Limited], decision: Decision) -> QuotaDecision:
        for one in limited:
            one.known.admit(int(case.at) // HOUR_SECONDS)
        outcome = DecisionOutcome.UNCHECKED if case.failed else DecisionOutcome.ALLOWED
        return QuotaDecision(outcome, decision, case.plan)

    def _request(self, case: _Case, one: _Limited, place: LeasePlace, standing: Standing) -> LeaseRequest:
        limit, at = standing.limit, int(case.at)

        def recount() -> Recount:
            try:
                periods = periods_at([limit.span], at)
                through, counted = self._known.recount(case.key, periods, one.keys)
            except MeterError:
                return Recount(None, 0)
            return Recount(through, standings([limit], counted, at)[0].used)

        return LeaseRequest(place, limit.span.period_at(at), limit, standing.used, recount)


def _case(key: str, facts: KeyFacts, at: float, now: float) -> _Case:
    return _Case(key, facts.plan.name if facts.plan else "", at, now)


def _is_reserved(limit: Limit) -> bool:
    return limit.mode is Mode.RESERVED and limit.kind is Kind.HARD
