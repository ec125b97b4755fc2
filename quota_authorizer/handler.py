"""The Lambda function: what comes from outside is put together here, and only here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.leases import DynamoDBLeases
from adapters.dynamodb.quotas import DynamoDBQuotaStore
from adapters.dynamodb.table import quick_client
from adapters.settings.functions import QuotaAuthorizerSettings
from adapters.telemetry import Telemetry, telemetry
from metering.errors import MeterError
from metering.quotas.key_digest import digest_of
from metering.quotas.ports import LeaseStore, QuotaStore
from quota_authorizer.authorizer import Authorizer, AuthorizerOptions, CredentialVerifiers, KeySource
from quota_authorizer.decision import STORE_FAILURES, DecisionOutcome, OnFailure, QuotaDecider, QuotaDecision
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.leases import LeaseBook
from quota_authorizer.response import Answer

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from adapters.jwks import IssuerKeys

MOST_DECISIONS_UNSENT: Final = 1000
"""Metrics of decisions from memory are sent together: with the next one that reads the store, or at this
number.
"""

ISSUER_FAILURES: Final = "IssuerFailures"
"""Attempts to read the issuer's keys that failed: a metric."""

METRICS: Final = (*DecisionOutcome, STORE_FAILURES, ISSUER_FAILURES)

Handler = Callable[[Mapping[str, Any], Any], Answer]


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Let a call through, or deny it.

    Raises:
        Unauthorized: API Gateway answers with status 401.
    """
    return _deployed()(event, context)


class Clocks(NamedTuple):
    """Two times, in seconds."""

    epoch: Callable[[], float] = time.time
    """Since 1970."""
    steady: Callable[[], float] = time.monotonic
    """Since any start; never set."""


class QuotaAuthorizer:
    """The function around an authorizer: its metrics, and what is done when there is time."""

    def __init__(
        self,
        settings: QuotaAuthorizerSettings,
        store: QuotaStore,
        leases: LeaseStore,
        tools: Telemetry,
        clocks: Clocks,
    ) -> None:
        self._tools = tools
        self._clock = clocks.epoch
        self.known = KnownKeys(
            store,
            clocks.steady,
            counters_seconds=settings.counters_seconds,
            plans_seconds=settings.plans_seconds,
            default_plan=settings.default_plan,
        )
        self.leases = LeaseBook(
            leases,
            lambda: uuid.uuid4().hex[:12],
            lease_seconds=settings.lease_seconds,
            retry_seconds=max(1.0, settings.counters_seconds),
        )
        self._decider = QuotaDecider(self.known, self.leases, OnFailure(settings.on_failure))
        self.issuer = _issuer(settings, clocks.steady)
        self.options = _options(settings)
        self._authorizer = Authorizer(self._decider, self.known, _proofs(settings, self.issuer), self.options)
        self._requests = 0
        self._issuer_failures = 0
        self._decisions = 0

    def __call__(self, event: Mapping[str, object], _context: object) -> Answer:
        """Answer an event."""
        now = self._clock()
        self._decisions += 1
        try:
            return self._authorizer.answer(event, now)
        finally:
            if self._is_due():
                self._publish(now)

    def decide(self, key: str | None, at: float | None) -> QuotaDecision:
        """As :meth:`Authorizer.decide`, now."""
        now = self._clock()
        self._decisions += 1
        try:
            return self._authorizer.decide(key, at, now)
        finally:
            if self._is_due():
                self._publish(now)

    def _is_due(self) -> bool:
        """Whether numbers are sent: something was read for this decision, or many decisions are unsent."""
        return self._requests != self._requests_so_far() or self._decisions >= MOST_DECISIONS_UNSENT

    def _requests_so_far(self) -> int:
        """Requests to the store and to the issuer."""
        of_issuer = 0 if self.issuer is None else self.issuer.attempts
        return self.known.reads + self.leases.writes + of_issuer

    def _publish(self, now: float) -> None:
        """Publish what was decided, since this decision took milliseconds anyway."""
        counts = self._decider.counts
        try:
            self.leases.tidy(now)
        except MeterError as error:
            counts[STORE_FAILURES] += 1
            self.known.last_error = str(error)
        numbers = {name: counts[name] for name in METRICS}
        counts.clear()
        self._decisions, self._requests = 0, self._requests_so_far()
        if self.issuer is not None:
            numbers[ISSUER_FAILURES] = self.issuer.failures - self._issuer_failures
            self._issuer_failures = self.issuer.failures
        self._tools.count(numbers)
        if numbers[STORE_FAILURES]:
            self._tools.logger.warning("the store does not answer", extra={"reason": self.known.last_error})
        if self.issuer is not None and numbers[ISSUER_FAILURES]:
            reason = {"reason": self.issuer.last_error}
            self._tools.logger.warning("the issuer's keys cannot be read", extra=reason)


def make_handler(
    settings: QuotaAuthorizerSettings,
    dynamodb: DynamoDBClient,
    tools: Telemetry,
    clocks: Clocks | None = None,
) -> QuotaAuthorizer:
    """The function on the table of the settings."""
    return QuotaAuthorizer(
        settings,
        DynamoDBQuotaStore(settings.counters_table, dynamodb),
        DynamoDBLeases(settings.counters_table, ConditionalUpdates(dynamodb, 1)),
        tools,
        clocks or Clocks(),
    )


@cache
def _deployed() -> Handler:
    return make_handler(QuotaAuthorizerSettings.from_environment(), quick_client(), telemetry())


def _options(settings: QuotaAuthorizerSettings) -> AuthorizerOptions:
    return AuthorizerOptions(
        settings.key_header,
        KeySource(settings.key_source),
        settings.result_ttl_seconds,
        settings.simple_answers,
        has_issuer=settings.token_issuer is not None,
    )


def _issuer(settings: QuotaAuthorizerSettings, now: Callable[[], float]) -> IssuerKeys | None:
    """What reads the issuer's keys. Cryptography is loaded only for it: that takes some 45 ms."""
    if settings.token_issuer is None:
        return None
    from adapters.jwks import IssuerKeys  # noqa: PLC0415 - as said above

    return IssuerKeys(settings.token_issuer, now=now)


def _proofs(settings: QuotaAuthorizerSettings, issuer: IssuerKeys | None) -> CredentialVerifiers:
    if issuer is None or settings.token_issuer is None or settings.token_audience is None:
        return CredentialVerifiers(digest_of)
    from quota_authorizer.jwt import Bearer, TokenRules  # noqa: PLC0415 - as above

    rules = TokenRules(settings.token_issuer, settings.token_audience, settings.token_claim)
    return CredentialVerifiers(digest_of, Bearer(rules, issuer.key).key_of)
