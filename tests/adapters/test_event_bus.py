"""Events on EventBridge: what is published, what is not, and how long that takes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from adapters.event_bus import EVENTS_AT_ONCE, PUBLISH_SECONDS, EventBridge, event_detail
from local_cloud.endpoint.server import LocalEndpoint
from metering.quotas.ports import ThresholdCrossing
from tests.stream_processor.notification_contract import crossing

__all__ = ["crossing"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """moto, with all of its services."""
    with LocalEndpoint() as running:
        yield running


class TestEventBridge:
    def test_event(self, endpoint: LocalEndpoint, crossing: ThresholdCrossing) -> None:
        """A rule for the source gets the event, with the detail that is documented."""
        events, sqs = endpoint.client("events"), endpoint.client("sqs")
        queue = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        source = f"usage-meter.{uuid.uuid4().hex}"
        events.put_rule(Name="told", EventPattern=json.dumps({"source": [source]}))
        events.put_targets(Rule="told", Targets=[{"Id": "queue", "Arn": arn}])
        several = [crossing, *(crossing._replace(id=f"{number:032x}") for number in range(11))]
        assert [None] * 12 == EventBridge(lambda: events, source).publish(several)
        received = [
            json.loads(message["Body"])
            for _ in range(2)
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        ]
        assert {one.id for one in several} == {event["detail"]["id"] for event in received}
        (event,) = [event for event in received if event["detail"]["id"] == crossing.id]
        assert [source, "Usage threshold reached"] == [event["source"], event["detail-type"]]
        assert {
            "id": crossing.id,
            "whose": f"key {crossing.key}",
            "apiKeyId": crossing.key,
            "account": "acme",
            "plan": "free",
            "planVersion": 3,
            "metric": "requests",
            "period": "2026-11-05",
            "periodStart": "2026-11-05T00:00:00+00:00",
            "periodEnd": "2026-11-06T00:00:00+00:00",
            "limit": 100,
            "kind": "hard",
            "threshold": 80,
            "used": 85,
        } == event["detail"]

    def test_mail(self, crossing: ThresholdCrossing) -> None:
        """The address of the account is in the event where it has one."""
        addressed = event_detail(crossing._replace(mail="ops@acme.example"))
        assert {"mail": "ops@acme.example", **event_detail(crossing)} == addressed

    def test_some_refused(self, crossing: ThresholdCrossing) -> None:
        """PutEvents answers for each entry: what failed is not taken for published."""
        answer = {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]}
        published = EventBridge(_Events(answer).itself, "usage-meter").publish([crossing, crossing])
        assert [None, "PutEvents: ThrottlingException: "] == published

    def test_out_of_reach(self, crossing: ThresholdCrossing) -> None:
        """No answer: nothing is taken for published, and nothing is raised."""
        error = EndpointConnectionError(endpoint_url="https://events.example")
        (reported,) = EventBridge(_Events(error).itself, "usage-meter").publish([crossing])
        assert reported is not None
        assert "https://events.example" in reported

    def test_not_allowed(self, crossing: ThresholdCrossing) -> None:
        """A missing permission stops no counting either."""
        error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")
        (reported,) = EventBridge(_Events(error).itself, "usage-meter").publish([crossing])
        assert reported is not None
        assert "AccessDeniedException" in reported


class TestBounds:
    """Counting waits for what is published here."""

    SEVERAL = 3 * EVENTS_AT_ONCE

    @pytest.mark.parametrize(
        "answer",
        [
            ReadTimeoutError(endpoint_url="https://events.example"),
            {"FailedEntryCount": 10, "Entries": [{"ErrorCode": "InternalFailure"}] * EVENTS_AT_ONCE},
        ],
        ids=["hangs", "takes nothing"],
    )
    def test_first_failure(self, crossing: ThresholdCrossing, answer: Any) -> None:
        """After a request of which nothing was taken there is no other; every crossing has its reason."""
        events = _Events(answer)
        answers = EventBridge(events.itself, "usage-meter").publish([crossing] * self.SEVERAL)
        assert (1, self.SEVERAL) == (events.requests, len(answers))
        assert None not in answers

    def test_slow(self, crossing: ThresholdCrossing) -> None:
        """Requests that are answered, but slowly, stop when the budget is spent."""
        events = _Events({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * EVENTS_AT_ONCE})
        clock = iter([0.0, 0.0, PUBLISH_SECONDS - 0.1, PUBLISH_SECONDS])
        bus = EventBridge(events.itself, "usage-meter", steady=clock.__next__)
        answers = bus.publish([crossing] * self.SEVERAL)
        assert [None] * (2 * EVENTS_AT_ONCE) == answers[: 2 * EVENTS_AT_ONCE]
        assert {"PutEvents: the time to publish is over"} == set(answers[2 * EVENTS_AT_ONCE :])
        assert (2, self.SEVERAL) == (events.requests, len(answers))


class _Events:
    """A client of EventBridge with one answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.requests = 0

    def itself(self) -> Any:
        return self

    def put_events(self, **_request: Any) -> Any:
        self.requests += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer
