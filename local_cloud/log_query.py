"""CloudWatch Logs Insights on one machine, for one query: how many lines each key has on each day.

It reads lines as any program would that knows nothing of the meter: JSON, or not. Other queries are moto's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final
from uuid import uuid4

from local_cloud.endpoint.server import LocalEndpoint

PREFIX: Final = "Logs_20140328"
_SHAPE: Final = "stats count(*) as calls by key, other, day"
_A_DAY_MS: Final = 86_400_000
_FIRST_MS: Final = 10**11
"""A time below is in seconds."""

Row = tuple[str, str, int]


class LogQueries:
    """Answers StartQuery and GetQueryResults where the query has that shape."""

    def __init__(self, endpoint: LocalEndpoint) -> None:
        self._endpoint = endpoint
        self._results: dict[str, list[list[dict[str, str]]]] = {}
        endpoint.answer_action((PREFIX, "StartQuery"), self._start)
        endpoint.answer_action((PREFIX, "GetQueryResults"), self._get)

    def _start(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if _SHAPE not in request["queryString"]:
            return None
        start, end = request["startTime"] * 1000, request["endTime"] * 1000
        logs = self._endpoint.client("logs")
        try:
            found = [_rows(logs, group, start, end) for group in request["logGroupNames"]]
        except logs.exceptions.ResourceNotFoundException:
            return None
        rows = Counter(chain.from_iterable(found))
        query = uuid4().hex
        self._results[query] = [
            [
                {"field": name, "value": str(value)}
                for name, value in zip(("key", "other", "day", "calls"), (*row, calls), strict=True)
            ]
            for row, calls in rows.most_common(request["limit"])
        ]
        return {"queryId": query}

    def _get(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found = self._results.get(request["queryId"])
        return None if found is None else {"status": "Complete", "results": found}


def _rows(logs: Any, group: str, start: int, end: int) -> list[Row]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start, endTime=end)
    rows = (_row(event["message"]) for page in pages for event in page["events"])
    return [row for row in rows if row is not None]


def _row(message: str) -> Row | None:
    try:
        line = json.loads(message)
        time = int(line["requestTimeEpoch"])
        line["status"]
    except (ValueError, KeyError, TypeError):
        return None
    day = (time if time >= _FIRST_MS else time * 1000) // _A_DAY_MS
    return line.get("apiKeyId", "-"), line.get("authorizerKeyId", "-"), day
