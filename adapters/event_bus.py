"""Events on EventBridge: the thresholds that were reached, within bounds of time.

Whoever counts waits for this. So a request gives up early, publishing stops at the first request of which
nothing was taken, and all of it has a budget: what is left then is kept by the caller, and published later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import boto3
import msgspec
from botocore.config import Config

from adapters.errors import translated
from metering.errors import MeterError
from metering.period import begins_at, ends_at
from metering.quotas.plan import ACCOUNT_PREFIX
from metering.quotas.ports import ThresholdCrossing

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

EVENTS_AT_ONCE: Final = 10
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""
DETAIL_TYPE: Final = "Usage threshold reached"
PUBLISH_SECONDS: Final = 10.0
"""No request is begun later than this. The last one takes at most 7 seconds more."""


def event_bus_client() -> EventBridgeClient:
    """A client of EventBridge that gives up within 7 seconds: two attempts of 3 seconds, and a pause."""
    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.session.Session().client("events", config=config)


class EventBridge:
    """The port `ThresholdPublisher` on an event bus."""

    def __init__(
        self,
        make_client: Callable[[], EventBridgeClient],
        source: str,
        bus: str = "default",
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make_client` gives a client of EventBridge. It is called when the first event is published, since
        most processes publish none. `source` distinguishes the events of this meter from those of others,
        `steady` returns seconds since any start.
        """
        self._client = cache(make_client)
        self._source = source
        self._bus = bus
        self._steady = steady

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> list[str | None]:
        """Publish crossings: see :class:`metering.quotas.ports.ThresholdPublisher`."""
        until = self._steady() + PUBLISH_SECONDS
        answers: list[str | None] = []
        for start in range(0, len(crossings), EVENTS_AT_ONCE):
            if self._steady() >= until:
                return _all_failed(answers, "PutEvents: the time to publish is over", crossings)
            answers += self._put(crossings[start : start + EVENTS_AT_ONCE])
            if None not in answers[start:]:
                return _all_failed(answers, f"after {answers[-1]}", crossings)
        return answers

    def _put(self, crossings: Sequence[ThresholdCrossing]) -> list[str | None]:
        try:
            with translated("PutEvents"):
                answer = self._client().put_events(Entries=[self._entry(one) for one in crossings])
        except MeterError as error:
            return [str(error)] * len(crossings)
        return [
            f"PutEvents: {entry['ErrorCode']}: {entry.get('ErrorMessage', '')}"
            if entry.get("ErrorCode")
            else None
            for entry in answer["Entries"]
        ]

    def _entry(self, crossing: ThresholdCrossing) -> PutEventsRequestEntryTypeDef:
        return {
            "Source": self._source,
            "DetailType": DETAIL_TYPE,
            "Detail": msgspec.json.encode(event_detail(crossing)).decode(),
            "EventBusName": self._bus,
        }


def _all_failed(
    answers: list[str | None], reason: str, crossings: Sequence[ThresholdCrossing]
) -> list[str | None]:
    """The answers so far, and the reason for each crossing that was not sent."""
    return answers + [reason] * (len(crossings) - len(answers))


def event_detail(crossing: ThresholdCrossing) -> dict[str, object]:
    """The detail of an event, as `docs/quotas.md` describes it. Consumers recognise repeated ones by `id`."""
    is_account = crossing.key.startswith(ACCOUNT_PREFIX)
    mail = {"mail": crossing.mail} if crossing.mail else {}
    return mail | {
        "id": crossing.id,
        "whose": f"account {crossing.account}" if is_account else f"key {crossing.key}",
        "apiKeyId": "" if is_account else crossing.key,
        "account": crossing.account,
        "plan": crossing.plan,
        "planVersion": crossing.plan_version,
        "metric": crossing.metric,
        "period": crossing.period,
        "periodStart": begins_at(crossing.period).isoformat(),
        "periodEnd": ends_at(crossing.period).isoformat(),
        "limit": crossing.amount,
        "kind": crossing.kind,
        "threshold": crossing.threshold,
        "used": crossing.used,
    }
