"""API Gateway's own count of the calls with a key of a usage plan.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adapters.errors import translated
from metering.period import Period, begins_at, days_of, ends_at
from metering.proof.witness import KeyAndDay, WitnessCount, WitnessName

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

_AT_ONCE: Final = 500
"""Keys of a page: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

Used = Sequence[Sequence[int]]
"""Of each day in order: calls, and what was left of the quota."""


class UsagePlanWitness:
    """Asks all usage plans of an account and region but the meter's own."""

    name = WitnessName.USAGE_PLANS

    def __init__(self, apigateway: APIGatewayClient, without: str = "") -> None:
        """`apigateway` is a boto3 client. `without` is the name of the plan of the look-ups, whose calls
        are not metered.
        """
        self._apigateway = apigateway
        self._without = without

    def testify(self, month: Period) -> WitnessCount:
        """The calls of each key on each day of a month, over all plans. Of keys without a plan nothing is
        known.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        counts: Counter[KeyAndDay] = Counter()
        for plan in self._plans():
            for key, used in self._usage(plan, month):
                for day, (calls, *_) in zip(days_of(month), used, strict=False):
                    counts[key, day] += calls
        return WitnessCount(WitnessName.USAGE_PLANS, counts)

    def _plans(self) -> Iterator[str]:
        with translated("GetUsagePlans"):
            pages = self._apigateway.get_paginator("get_usage_plans").paginate()
            for page in pages:
                yield from (plan["id"] for plan in page.get("items", ()) if plan.get("name") != self._without)

    def _usage(self, plan: str, month: Period) -> Iterator[tuple[str, Used]]:
        last = ends_at(month) - timedelta(days=1)
        with translated(f"GetUsage of {plan}"):
            pages = self._apigateway.get_paginator("get_usage").paginate(
                usagePlanId=plan,
                startDate=f"{begins_at(month):%Y-%m-%d}",
                endDate=f"{last:%Y-%m-%d}",
                PaginationConfig={"PageSize": _AT_ONCE},
            )
            for page in pages:
                items: Mapping[str, Used] = page.get("items", {})
                yield from items.items()
