"""The usage plans and keys that API Gateway has, as plans of the meter.

API Gateway holds its own quotas on a best-effort basis:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.errors import translated
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import KeyStatus, Limit, Plan, Span
from metering.quotas.plan_file import PlansDocument, WantedKey
from metering.usage import Metric

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_apigateway.type_defs import ApiKeyTypeDef, QuotaSettingsTypeDef, UsagePlanTypeDef

_SPANS = {"DAY": Span.DAY, "WEEK": Span.WEEK, "MONTH": Span.MONTH}
_MONDAY = 1
"""API Gateway's weeks begin on Sunday, and by an offset on a later day."""


@dataclass(slots=True)
class Imported:
    """What was found."""

    plans: dict[str, Plan] = field(default_factory=dict)
    keys: dict[str, WantedKey] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    """The id of each key by the digest of what its caller shows. The keys themselves are not kept."""
    notes: list[str] = field(default_factory=list)
    """What could not be taken over as it is."""

    @property
    def document(self) -> PlansDocument:
        """Plans and keys as a file would name them."""
        return PlansDocument(self.plans, self.keys)


def import_plans(apigateway: APIGatewayClient) -> Imported:
    """The usage plans and keys of an account and region. `apigateway` is a boto3 client.

    Raises:
        Transient, Misconfigured: they cannot be read.
    """
    found = Imported()
    keys = {key["id"]: key for key in _keys(apigateway)}
    for usage_plan in _usage_plans(apigateway):
        plan = _plan(usage_plan, found)
        for key_id in _keys_of(apigateway, usage_plan["id"]):
            _assign(key_id, keys.get(key_id, {}), plan, found)
    found.digests = {digest_of(key["value"]): key["id"] for key in keys.values() if key.get("value")}
    return found


def _plan(usage_plan: UsagePlanTypeDef, found: Imported) -> Plan:
    name = _name(usage_plan.get("name") or usage_plan["id"])
    if name in found.plans:
        name = f"{name}-{usage_plan['id'].lower()}"
    plan = Plan(name, tuple(_limits(name, usage_plan.get("quota"), found)))
    if usage_plan.get("throttle"):
        found.notes.append(f"plan {name}: its throttle stays with API Gateway, which paces calls")
    found.plans[name] = plan
    return plan


def _limits(name: str, quota: QuotaSettingsTypeDef | None, found: Imported) -> Iterator[Limit]:
    if not quota:
        return
    span = _SPANS.get(quota["period"])
    if span is None:
        found.notes.append(
            f"plan {name}: its quota of {quota['limit']:,} requests a {quota['period'].lower()} is left out; "
            "the meter has hours, days, weeks and months"
        )
        return
    if span is Span.WEEK:
        if quota.get("offset", 0) != _MONDAY:
            found.notes.append(f"plan {name}: its weeks begin on Monday here")
    elif quota.get("offset"):
        found.notes.append(f"plan {name}: the offset {quota['offset']} of its first period is left out")
    yield Limit(Metric.REQUESTS, span, int(quota["limit"]))


def _assign(key_id: str, key: ApiKeyTypeDef, plan: Plan, found: Imported) -> None:
    if key_id in found.keys:
        found.notes.append(
            f"key {key_id}: it has plan {found.keys[key_id].plan}; plan {plan.name} is left out"
        )
        return
    status = None if key.get("enabled", True) else KeyStatus.SUSPENDED
    found.keys[key_id] = WantedKey(key_id, plan.name, key.get("customerId"), status=status)


def _name(text: str) -> str:
    """A plan's name as the meter takes it."""
    found = re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).strip("-_.")[:64]
    return found or "plan"


def _keys(apigateway: APIGatewayClient) -> Iterator[ApiKeyTypeDef]:
    with translated("GetApiKeys"):
        for page in apigateway.get_paginator("get_api_keys").paginate(includeValues=True):
            yield from page.get("items", [])


def _usage_plans(apigateway: APIGatewayClient) -> Iterator[UsagePlanTypeDef]:
    with translated("GetUsagePlans"):
        for page in apigateway.get_paginator("get_usage_plans").paginate():
            yield from page.get("items", [])


def _keys_of(apigateway: APIGatewayClient, usage_plan: str) -> Iterator[str]:
    with translated("GetUsagePlanKeys"):
        for page in apigateway.get_paginator("get_usage_plan_keys").paginate(usagePlanId=usage_plan):
            yield from (key["id"] for key in page.get("items", []))
