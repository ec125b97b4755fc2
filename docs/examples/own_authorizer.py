"""An authorizer of your own that asks the meter: who calls is your matter, whether the call is over a limit
the meter's. Try it with any event of a REST or HTTP API's authorizer (version 1.0).
"""

from __future__ import annotations

from typing import Any

from quota_authorizer.library import DecisionOutcome, quota_guard

QUOTAS = quota_guard(stack="usage-meter")  # once: what it has read is kept for further calls


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Let a call through, or deny it."""
    customer = customer_of(event)
    if customer is None:
        raise Exception("Unauthorized")  # noqa: TRY002 - exactly this text is status 401 of a REST API
    decision = QUOTAS.decide(customer, event)
    if decision.outcome in (DecisionOutcome.UNKNOWN_KEY, DecisionOutcome.SUSPENDED):
        raise Exception("Unauthorized")  # noqa: TRY002
    return {
        "principalId": customer,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if decision.allowed else "Deny",
                    "Resource": event["methodArn"],
                }
            ],
        },
        "context": {"customer": customer, **decision.context},  # the meter's names last: they are counted
    }


def customer_of(event: dict[str, Any]) -> str | None:
    """Whose call it is: put your own check here, of a session, a signature, a certificate."""
    return {"headerValue1": "a1b2c3d4e5"}.get(event["headers"].get("HeaderAuth1"))
