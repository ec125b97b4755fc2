"""From an event of API Gateway to its answer.

A key that nobody knows, or that is suspended, gets status 401 of a REST API and 403 of an HTTP API. A call
over a limit gets a policy that denies: the template maps it to status 429 (an HTTP API says 403).

No error of the meter's own becomes an error of the API that it guards: what cannot be decided is let through
or denied by the setting, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from metering.errors import MeterError
from quota_authorizer.answer import NOBODY, Answer, Unauthorized, policy, simple
from quota_authorizer.judge import STORE_FAILURES, Judge, Judgement, Outcome
from quota_authorizer.known_keys import KnownKeys
from quota_authorizer.request import Asked, Shape, read_request


class KeySource(StrEnum):
    """Where the stage takes the API key from: its `apiKeySource`."""

    HEADER = "HEADER"
    AUTHORIZER = "AUTHORIZER"


@dataclass(frozen=True, slots=True)
class Manner:
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


@dataclass(frozen=True, slots=True)
class Proofs:
    """How a caller proves whose key it has."""

    digest_of: Callable[[str], str]
    """What the store knows an API key by."""
    key_of_bearer: Callable[[str, float], str | None] = lambda _token, _now: None
    """The key id that a bearer token proves, at a time in epoch seconds; None: it proves nothing."""


class Authorizer:
    """Answers events."""

    def __init__(self, judge: Judge, known: KnownKeys, proofs: Proofs, manner: Manner) -> None:
        self._judge = judge
        self._known = known
        self._proofs = proofs
        self._manner = manner

    def answer(self, event: Mapping[str, Any], now: float) -> Answer:
        """The answer to an event, at a time in epoch seconds.

        Raises:
            Unauthorized: for a REST API, which makes status 401 of it.
            NoRequest: the event comes from no authorizer.
        """
        asked = read_request(event, self._manner.key_header)
        counts = self._judge.counts
        try:
            key = self._key_of(asked, now)
        except MeterError as error:
            self._known.last_error = str(error)
            counts[STORE_FAILURES] += 1
            counts[Outcome.UNCHECKED] += 1
            return self._tell(asked, NOBODY, self._judge.unchecked())
        if key is None:
            counts[Outcome.UNKNOWN_KEY] += 1
            return self._refuse(asked, NOBODY)
        judgement = self._judge.judge(key, now if asked.time is None else asked.time, now)
        if judgement.outcome is Outcome.SUSPENDED:
            return self._refuse(asked, key)
        return self._tell(asked, key, judgement)

    def _key_of(self, asked: Asked, now: float) -> str | None:
        if asked.key_id is not None:
            return asked.key_id
        if asked.bearer is not None:
            key = self._proofs.key_of_bearer(asked.bearer, now)
            if key is not None:
                return key
        if asked.secret is None:
            return None
        return self._known.key_of(self._proofs.digest_of(asked.secret))

    def _refuse(self, asked: Asked, principal: str) -> Answer:
        if asked.shape is Shape.REST:
            raise Unauthorized
        if self._answers_simply(asked):
            return simple({}, allowed=False)
        return policy(asked.arn, principal, {}, allowed=False)

    def _tell(self, asked: Asked, principal: str, judgement: Judgement) -> Answer:
        allowed = judgement.decision.allowed
        context = self._context(asked, principal, judgement)
        if self._answers_simply(asked):
            return simple(context, allowed=allowed)
        usage_key = asked.secret if self._manner.key_source is KeySource.AUTHORIZER else None
        return policy(asked.arn, principal, context, allowed=allowed, usage_key=usage_key)

    def _answers_simply(self, asked: Asked) -> bool:
        return asked.shape is Shape.HTTP_2 and self._manner.simple_answers

    def _context(self, asked: Asked, principal: str, judgement: Judgement) -> dict[str, str]:
        decision = judgement.decision
        context = {"decision": judgement.outcome.lower()}
        if principal is not NOBODY:
            context["authorizerKeyId"] = principal
        if judgement.plan:
            context["plan"] = judgement.plan
        if decision.standing is not None:
            context["limit"] = decision.standing.limit.name
            context["remaining"] = str(decision.standing.remaining)
            context["reset"] = str(decision.standing.resets_at)
        if decision.retry_after is not None:
            context["retryAfter"] = str(decision.retry_after)
        if asked.request_length is not None and not self._manner.result_ttl_seconds:
            context["requestLength"] = asked.request_length
        return context
