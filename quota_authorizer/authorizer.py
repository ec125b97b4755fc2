"""From an event of API Gateway to its answer.

A key that nobody knows, or that is suspended, gets status 401 of a REST API and 403 of an HTTP API. A call
over a limit gets a policy that denies: the template maps it to status 429 (an HTTP API says 403).

Two questions are kept apart. *Whose key is it?* A caller is who the proof says, or nobody: where the proof
cannot be checked now, nobody is let in. *Is the key over its limit?* Where that cannot be checked now, the
setting `on_failure` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from metering.errors import MeterError
from metering.key_id import is_key_id
from metering.quotas.decision import Decision
from quota_authorizer.decision import STORE_FAILURES, DecisionOutcome, QuotaDecider, QuotaDecision
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.request import AuthorizerRequest, Shape, read_request
from quota_authorizer.response import NOBODY, Answer, Unauthorized, policy, simple


class KeySource(StrEnum):
    """Where the stage takes the API key from: its `apiKeySource`."""

    HEADER = "HEADER"
    AUTHORIZER = "AUTHORIZER"


@dataclass(frozen=True, slots=True)
class AuthorizerOptions:
    """How the authorizer asks and answers: what the template sets."""

    key_header: str = "x-api-key"
    key_source: KeySource = KeySource.HEADER
    """Only a stage that takes its key from the authorizer is sent the key itself."""
    result_ttl_seconds: int = 0
    """How long API Gateway uses an answer for further calls of the key. What is true of one call only, such
    as its size, is left out of answers that are used again.
    """
    simple_answers: bool = True
    """HTTP APIs (2.0) take a plain yes or no; else a policy."""
    has_issuer: bool = False
    """Whether bearer tokens name keys. Where answers are kept, nothing else does then: API Gateway keeps
    them by the header `Authorization`.
    """


@dataclass(frozen=True, slots=True)
class CredentialVerifiers:
    """How a caller proves whose key it has."""

    digest_of: Callable[[str], str]
    """What the store knows an API key by."""
    key_of_bearer: Callable[[str, float], str | None] = lambda _token, _now: None
    """The key id that a bearer token proves, at a time in epoch seconds; None: it proves nothing."""


class Caller(NamedTuple):
    """Whose key a call is made with."""

    key: str
    secret: str | None = None
    """The API key by which that was found out; None: it was found out otherwise."""


class Authorizer:
    """Answers events."""

    def __init__(
        self, decide: QuotaDecider, known: KnownKeys, proofs: CredentialVerifiers, options: AuthorizerOptions
    ) -> None:
        self._decider = decide
        self._known = known
        self._proofs = proofs
        self._options = options

    def answer(self, event: Mapping[str, Any], now: float) -> Answer:
        """The answer to an event, at a time in epoch seconds.

        Raises:
            Unauthorized: for a REST API, which makes status 401 of it.
            NoRequest: the event comes from no authorizer.
        """
        asked = read_request(event, self._options.key_header)
        counts = self._decider.counts
        try:
            caller = self._caller(asked, now)
        except MeterError:
            counts[DecisionOutcome.UNVERIFIED] += 1
            return self._refuse_unverified(asked)
        if caller is None:
            counts[DecisionOutcome.UNKNOWN_KEY] += 1
            return self._refuse(asked, NOBODY)
        decided = self._decider.decide(caller.key, now if asked.time is None else asked.time, now)
        if decided.outcome is DecisionOutcome.SUSPENDED:
            return self._refuse(asked, caller.key)
        return self._respond(asked, caller, decided)

    def decide(self, key: str | None, at: float | None, now: float) -> QuotaDecision:
        """The decision on a call whose key somebody else has verified; None: it has none under which it could
        be counted. `at` is when API Gateway took it; both times in epoch seconds.
        """
        if key is None:
            self._decider.counts[DecisionOutcome.UNKNOWN_KEY] += 1
            return QuotaDecision(DecisionOutcome.UNKNOWN_KEY, Decision(allowed=False))
        return self._decider.decide(key, now if at is None else at, now)

    def _caller(self, asked: AuthorizerRequest, now: float) -> Caller | None:
        """Who calls, by proof; None: nobody that is known.

        Raises:
            Transient, Misconfigured: a proof cannot be checked now.
        """
        caller = (
            self._kept_caller(asked, now)
            if self._options.result_ttl_seconds
            else self._any_caller(asked, now)
        )
        if caller is None or not is_key_id(caller.key) or '"' in caller.key:  # a line may not escape quotes
            return None
        return caller

    def _any_caller(self, asked: AuthorizerRequest, now: float) -> Caller | None:
        """By all that the call shows, in the order of the access log: first what API Gateway looked at."""
        if asked.key_id is not None:
            return Caller(asked.key_id, asked.secret)
        return self._token_caller(asked, now) or self._secret_caller(asked.secret)

    def _kept_caller(self, asked: AuthorizerRequest, now: float) -> Caller | None:
        """By nothing but what API Gateway keeps the answer by: any other header may differ in the next call
        that gets this answer.
        """
        if self._options.has_issuer:
            return self._token_caller(asked, now)
        if asked.key_id is not None and asked.secret == asked.shown:
            return Caller(asked.key_id, asked.secret)
        return self._secret_caller(asked.shown)

    def _token_caller(self, asked: AuthorizerRequest, now: float) -> Caller | None:
        key = None if asked.bearer is None else self._proofs.key_of_bearer(asked.bearer, now)
        return None if key is None else Caller(key)

    def _secret_caller(self, secret: str | None) -> Caller | None:
        if secret is None:
            return None
        try:
            key = self._known.key_of(self._proofs.digest_of(secret))
        except MeterError:
            self._decider.counts[STORE_FAILURES] += 1
            raise
        return None if key is None else Caller(key, secret)

    def _refuse_unverified(self, asked: AuthorizerRequest) -> Answer:
        """API Gateway keeps no error, so that callers are let in again as soon as they can be verified."""
        if self._options.result_ttl_seconds:
            raise Unauthorized
        return self._refuse(asked, NOBODY)

    def _refuse(self, asked: AuthorizerRequest, principal: str) -> Answer:
        if asked.shape is Shape.REST:
            raise Unauthorized
        if self._answers_simply(asked):
            return simple({}, allowed=False)
        return policy(asked.arn, principal, {}, allowed=False)

    def _respond(self, asked: AuthorizerRequest, caller: Caller, decided: QuotaDecision) -> Answer:
        allowed = decided.decision.allowed
        context = call_context(asked, caller.key, decided, self._options)
        if self._answers_simply(asked):
            return simple(context, allowed=allowed)
        usage_key = caller.secret if self._options.key_source is KeySource.AUTHORIZER else None
        return policy(asked.arn, caller.key, context, allowed=allowed, usage_key=usage_key)

    def _answers_simply(self, asked: AuthorizerRequest) -> bool:
        return asked.shape is Shape.HTTP_2 and self._options.simple_answers


def call_context(
    asked: AuthorizerRequest, key: str, decided: QuotaDecision, options: AuthorizerOptions
) -> dict[str, str]:
    """What the access log, the backend and gateway responses find of a decision."""
    decision = decided.decision
    outcome = decided.outcome if decision.allowed else DecisionOutcome.DENIED  # by the log it is not billed
    context = {"decision": outcome.lower(), "authorizerKeyId": key}
    if decided.plan:
        context["plan"] = decided.plan
    if decision.standing is not None:
        context["limit"] = decision.standing.name
        context["remaining"] = str(decision.standing.remaining)
        context["reset"] = str(decision.standing.resets_at)
    if decision.retry_after is not None:
        context["retryAfter"] = str(decision.retry_after)
    if asked.request_length is not None and not options.result_ttl_seconds:
        context["requestLength"] = asked.request_length
    return context
