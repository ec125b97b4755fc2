"""API Gateway in front of the meter: REST APIs whose stages log to the access-log group, and its own
count of their calls, which knows nothing of what becomes of a line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from local_cloud.stack import LocalCloud

_API: Final = re.compile(r'"apiId"\s*:\s*"([^"]+)"')
_STAGE: Final = re.compile(r'"stage"\s*:\s*"([^"]+)"')

_KEY: Final = re.compile(r'"apiKeyId"\s*:\s*"([^"-][^"]*)"')
_TIME: Final = re.compile(r'"requestTimeEpoch"\s*:\s*"?(\d{10})')
PLAN: Final = "metered-keys"

ApiStageName = tuple[str, str]
"""An API and a stage of it."""


class MeteredGateway:
    """Counts the calls of lines as they are played. An API is named as its lines call it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._known: dict[ApiStageName, str] = {}
        self._last: ApiStageName | None = None
        self._used: Counter[tuple[str, date]] = Counter()
        self._plan: str | None = None

    def take(self, lines: Iterable[str]) -> None:
        """Count the calls of lines, for their stages and for their keys."""
        taken = list(lines)
        self.count(taken)
        self.use_keys(taken)

    def count(self, lines: Iterable[str]) -> None:
        """Count a call for each line: for the stage that it names, or for the one before where it names
        none.
        """
        calls = Counter(place for line in lines if (place := self._place(line)) is not None)
        for (api, stage), count in calls.items():
            self._make(api, stage)
            dimensions = {"ApiName": api, "Stage": stage}
            self._cloud.counts.add("AWS/ApiGateway", "Count", dimensions, count)

    def use_keys(self, lines: Iterable[str]) -> None:
        """Count a call of its key's usage plan for each line that names a key, on the day of the call."""
        if self._plan is None:
            self._plan = self._cloud.client("apigateway").create_usage_plan(name=PLAN)["id"]
            self._cloud.endpoint.usage_of_plan = self._usage
        for line in lines:
            key, time = _KEY.search(line), _TIME.search(line)
            if key and time:
                self._used[key.group(1), datetime.fromtimestamp(int(time.group(1)), UTC).date()] += 1

    def _usage(self, plan: str, start: str, end: str) -> dict[str, Any]:
        """GetUsage: of each key, day by day, the calls and what is left of its quota."""
        first, last = date.fromisoformat(start), date.fromisoformat(end)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        keys = sorted({key for key, _ in self._used}) if plan == self._plan else []
        used = {key: [[self._used[key, day], 0] for day in days] for key in keys}
        return {"usagePlanId": plan, "startDate": start, "endDate": end, "values": used}

    def rest_api_id(self, api: str, stage: str) -> str:
        """The id that the local API Gateway gave an API."""
        return self._known[api, stage]

    def _place(self, line: str) -> ApiStageName | None:
        api, stage = _API.search(line), _STAGE.search(line)
        if api and stage:
            self._last = api.group(1), stage.group(1)
        return self._last

    def _make(self, api: str, stage: str) -> None:
        """An API with a stage that logs to the group, once."""
        if (api, stage) in self._known:
            return
        gateway: Any = self._cloud.client("apigateway")
        rest_api = gateway.create_rest_api(name=api)["id"]
        [root] = gateway.get_resources(restApiId=rest_api)["items"]
        place = {"restApiId": rest_api, "resourceId": root["id"], "httpMethod": "GET"}
        gateway.put_method(**place, authorizationType="NONE")
        gateway.put_integration(**place, type="MOCK")
        gateway.create_deployment(restApiId=rest_api, stageName=stage)
        endpoint = self._cloud.endpoint
        group = f"arn:aws:logs:{endpoint.region}:{endpoint.account_id}:log-group:{self._cloud.log_group}"
        settings = {"destinationArn": group, "format": "$context.requestId"}
        operations = [
            {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
            for name, value in settings.items()
        ]
        gateway.update_stage(restApiId=rest_api, stageName=stage, patchOperations=operations)
        self._known[api, stage] = rest_api
