"""The decision as a library, for an API that has an authorizer of its own already.

    from quota_authorizer.library import quota_guard

    QUOTAS = quota_guard(stack="usage-meter")  # once, outside the handler

    def handler(event, context):
        key = ...  # your authorizer finds out whose call it is
        decision = QUOTAS.decide(key, event)

It is the decision of our own authorizer, by the same plans, counters, leases and settings, and with the same
policy where DynamoDB does not respond. docs/quotas.md says how to package it and what its role needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.dynamodb.table import quick_client
from adapters.settings.functions import QuotaAuthorizerSettings
from adapters.telemetry import telemetry
from metering.key_id import key_of_caller
from quota_authorizer.authorizer import call_context
from quota_authorizer.decision import DecisionOutcome
from quota_authorizer.handler import QuotaAuthorizer, make_handler
from quota_authorizer.request import read_request

__all__ = ["DecisionOutcome", "GuardDecision", "QuotaGuard", "quota_guard"]

SERVICE = "quota_authorizer"
"""The alarms look at the metrics of a service of this name."""


@dataclass(frozen=True, slots=True)
class GuardDecision:
    """The decision on a call whose key your authorizer has found out."""

    allowed: bool
    outcome: DecisionOutcome
    """Why: `UNKNOWN_KEY` and `SUSPENDED` are status 401 of our own authorizer, `DENIED` is 429."""
    context: Mapping[str, str]
    """What belongs into the context of your authorizer's response, so that the access log is counted and
    the gateway response has its headers: `decision`, `authorizerKeyId`, `remaining` and so on.
    """
    retry_after: int | None = None
    """Whole seconds after which another attempt makes sense; None unless a limit denies the call."""


class QuotaGuard:
    """Decides on calls inside your own authorizer. One for each instance of the function, made once: what it
    has read of plans, counters and leases is in it.
    """

    def __init__(self, authorizer: QuotaAuthorizer) -> None:
        self._authorizer = authorizer

    def decide(self, key: str, event: Mapping[str, object]) -> GuardDecision:
        """Whether a call is let through.

        `key` is the id of the caller's key, never the secret, or the subject of a token: your authorizer has
        verified it. `event` is what API Gateway sent to your authorizer, of any documented shape; the time of
        the call and the size of its body are read from it. A key under which no call could be counted is
        unknown. Where DynamoDB does not respond, the setting `ON_FAILURE` decides; nothing is raised.

        Raises:
            InvalidRequest: the event comes from no authorizer of API Gateway.
        """
        request = read_request(event, self._authorizer.options.key_header)
        counted = key_of_caller(key)
        found = self._authorizer.decide(counted, request.time)
        if counted is None:
            return GuardDecision(allowed=False, outcome=found.outcome, context={"decision": "denied"})
        context = call_context(request, counted, found, self._authorizer.options)
        return GuardDecision(found.decision.allowed, found.outcome, context, found.decision.retry_after)


def quota_guard(*, stack: str, settings: QuotaAuthorizerSettings | None = None, **where: str) -> QuotaGuard:
    """The guard on the counters of a stack, whose name its metrics get, for the stack's alarms.

    Settings are read from the same variables as those of our own authorizer (`COUNTERS_TABLE`, `ON_FAILURE`,
    `DEFAULT_PLAN`, `COUNTERS_SECONDS`, ...) unless given; `where` is for the client of DynamoDB, as
    `region_name` for a table of another region.

    Raises:
        Misconfigured: with everything that is missing or wrong.
    """
    chosen = settings or QuotaAuthorizerSettings.from_environment()
    tools = telemetry(SERVICE, f"UsageMeter/{stack}", sends_all=False)
    return QuotaGuard(make_handler(chosen, quick_client(**where), tools))
