"""Generated traffic, what the counters must hold of it by a reader of its own, and what they hold."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from adapters.dynamodb.counters import usage_of
from local_cloud.playback.traffic import TrafficSettings, generate
from local_cloud.stack import LocalCloud
from metering.calls.event_id import event_hash
from metering.usage import TOTALS, Usage

LINES_OF_A_DELIVERY = 30
_STATUSES = range(100, 600)

Usages = dict[tuple[str, str], Usage]
"""By key, and month or day."""


def deliveries(calls: int, seed: int) -> Iterator[dict[str, Any]]:
    """What CloudWatch Logs would send of generated traffic, each log event once."""
    settings = TrafficSettings(calls=calls, keys=200, seed=seed, span=timedelta(hours=6))
    events: list[dict[str, Any]] = []
    reached = 0
    for number, line in enumerate(generate(settings)):
        reached = max(reached, own_time(line) or reached)
        events.append({"id": f"{number:056d}", "timestamp": reached, "message": line})
        if len(events) == LINES_OF_A_DELIVERY:
            yield envelope(events)
            events = []
    if events:
        yield envelope(events)


def envelope(events: list[dict[str, Any]]) -> dict[str, Any]:
    """One subscription message."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "access",
        "logStream": "a",
        "subscriptionFilters": ["meter"],
        "logEvents": events,
    }


def own_time(line: str) -> int | None:
    """The time that a line gives, in epoch milliseconds."""
    with suppress(ValueError, KeyError, TypeError):
        return int(json.loads(line)["requestTimeEpoch"])
    return None


def expected(sent: list[dict[str, Any]]) -> Usages:
    """What the counters must hold, worked out from the log events alone and without the meter's code."""
    totals: dict[tuple[str, str], Counter[str]] = {}
    for event in (event for delivery in sent for event in delivery["logEvents"]):
        key, time_ms, amounts = reckon(event)
        moment = time.strftime("%Y-%m-%d", time.gmtime(time_ms / 1000))
        for period in (moment[:7], moment):
            totals.setdefault((key, period), Counter()).update(amounts)
    return {place: Usage(**{name: amounts[name] for name in TOTALS}) for place, amounts in totals.items()}


def reckon(event: Mapping[str, Any]) -> tuple[str, int, dict[str, int]]:
    """The key, time and amounts of one log event."""
    try:
        line = json.loads(event["message"])
        status = int(line["status"])
        size = int("0" if line["responseLength"] == "-" else line["responseLength"])
        if size < 0 or status not in _STATUSES:
            raise ValueError(size, status)
    except (ValueError, TypeError):
        return "!malformed", event["timestamp"], {"requests": 1, "fingerprint": event_hash(event["id"])}
    metered = line["apiKeyId"] != "-"
    return (
        line["apiKeyId"],
        int(line["requestTimeEpoch"]),
        {
            "requests": 1,
            "billable": int(metered and status != 429 and status < 500),
            "errors": int(status >= 400),
            "response_bytes": size,
            "latency_ms": int(line["responseLatency"]),
            "fingerprint": event_hash(line["extendedRequestId"]),
            "unknown_response_sizes": int(line["responseLength"] == "-"),
            "unknown_request_sizes": int(line.get("requestLength", "-") == "-"),
        },
    )


def counted(cloud: LocalCloud) -> Usages:
    """What the counters hold."""
    pages = cloud.client("dynamodb").get_paginator("scan")
    found: Usages = {}
    for page in pages.paginate(TableName=cloud.stack.name("CountersTable"), ConsistentRead=True):
        for item in page["Items"]:
            kind, _, key = item["pk"]["S"].partition(":")
            if kind == "key":
                place = (key, item["sk"]["S"].partition("#")[0])
                found[place] = found.get(place, Usage()) + usage_of(item)
    return found


def differences(sent: Usages, found: Usages) -> list[str]:
    """Each counter that is not what it must be."""
    return [
        f"{key} {period}: sent {sent.get((key, period))}, counted {found.get((key, period))}"
        for key, period in sorted(sent.keys() | found.keys())
        if sent.get((key, period)) != found.get((key, period))
    ]
