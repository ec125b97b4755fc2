"""Conditional updates: what is sent is what boto3 would send, and every answer is understood."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.hot_path.conditional_writes import (
    ATTEMPTS,
    RETRIES_AT_ONCE,
    ConditionalUpdates,
    client,
)
from adapters.errors import TRANSIENT_CODES
from local_cloud.endpoint.server import LocalEndpoint
from metering.counters.ports import Status
from metering.errors import Misconfigured
from tests.tables import Tables, create_tables

WHERE = {
    "endpoint_url": "http://127.0.0.1:1",
    "region_name": "us-east-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}
EVENT = "before-send.dynamodb.UpdateItem"
REQUEST: Any = {"TableName": "counters", "Key": {"pk": {"S": "k"}}, "UpdateExpression": "ADD n :n"}

names = st.text(min_size=1, max_size=8)
values = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=20)),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda data: {"B": data}, st.binary(max_size=20)),
)
attributes = st.dictionaries(
    names, values | st.builds(lambda elements: {"L": elements}, st.lists(values, max_size=3)), max_size=4
)


class Answers:
    """Answers in DynamoDB's place, one after the other; an error among them is raised. Keeps what came."""

    def __init__(self, *answers: tuple[int, Mapping[str, Any]] | Exception) -> None:
        self.sent: list[bytes] = []
        self._answers = list(answers)

    def __call__(self, request: Any, **_: Any) -> Any:
        self.sent.append(request.body)
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        return AWSResponse(request.url, status, HTTPHeaders(), _Raw(json.dumps(content).encode()))


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        """The whole body at once."""
        yield self._content


def updates(answers: Answers, concurrency: int = 1, **settings: Any) -> ConditionalUpdates:
    """Updates that get these answers."""
    dynamodb = client(concurrency, **WHERE)
    dynamodb.meta.events.register(EVENT, answers)
    return ConditionalUpdates(dynamodb, concurrency, pause=lambda _seconds: None, **settings)


def failure(code: str, status: int = 400, **more: Any) -> tuple[int, dict[str, Any]]:
    """An error of DynamoDB."""
    return status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "told", **more}


class TestRequest:
    """What is sent."""

    @given(key=attributes, found=attributes)
    def test_as_boto3(self, key: dict[str, Any], found: dict[str, Any]) -> None:
        """Request and answer mean the same as through boto3, for every type of attribute that is used."""
        request: Any = {**REQUEST, "Key": key, "ExpressionAttributeValues": found}
        sent = {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        wire = {"Attributes": json.loads(json.dumps(found, default=_base64))}
        answers, dynamodb = Answers((200, wire)), _plain_client()
        dynamodb.meta.events.register(EVENT, answers)
        (ours,) = ConditionalUpdates(dynamodb, 1).run([request])
        theirs = dynamodb.update_item(**sent)
        dynamodb.meta.events.unregister(EVENT, answers)
        assert theirs["Attributes"] == ours.item
        assert json.loads(answers.sent[1]) == json.loads(answers.sent[0])

    def test_hooks(self) -> None:
        """A hook that gives no answer sees the request and lets it go."""
        with LocalEndpoint() as endpoint:
            tables = create_tables(endpoint.endpoint_url)
            seen: list[str] = []
            dynamodb = client(1, **tables.where)
            dynamodb.meta.events.register(EVENT, lambda request, **_: seen.append(request.url))
            (answer,) = ConditionalUpdates(dynamodb, 1).run([_increment(tables, "a")])
        assert (Status.WRITTEN, [f"{tables.endpoint}/"]) == (answer.status, seen)


class TestAnswer:
    """What is understood."""

    def test_refused(self) -> None:
        """A condition that fails comes with the old item, and is not repeated."""
        answers = Answers(failure("ConditionalCheckFailedException", Item={"w": {"B": "AQI="}}))
        assert [(Status.REFUSED, {"w": {"B": b"\x01\x02"}})] == updates(answers).run([REQUEST])
        assert 1 == len(answers.sent)

    def test_refused_without_item(self) -> None:
        """If the item was deleted since, there is none."""
        answers = Answers(failure("ConditionalCheckFailedException"))
        assert [(Status.REFUSED, {})] == updates(answers).run([REQUEST])

    @pytest.mark.parametrize(
        "passing",
        [
            *(failure(code) for code in sorted(TRANSIENT_CODES)),
            failure("Unheard", 503),
            (502, {}),
            EndpointConnectionError(endpoint_url="http://127.0.0.1"),
            ConnectionResetError(),
            TimeoutError(),
        ],
    )
    def test_passing(self, passing: tuple[int, Mapping[str, Any]] | Exception) -> None:
        """What may pass is repeated with the same body; then the answer counts."""
        answers = Answers(passing, passing, (200, {"Attributes": {"n": {"N": "1"}}}))
        assert [(Status.WRITTEN, {"n": {"N": "1"}})] == updates(answers).run([REQUEST])
        assert (3, 1) == (len(answers.sent), len(set(answers.sent)))

    def test_stubborn(self) -> None:
        """What does not pass is unavailable after three attempts."""
        answers = Answers(failure("ThrottlingException"))
        assert [(Status.UNAVAILABLE, {})] == updates(answers).run([REQUEST])
        assert ATTEMPTS == len(answers.sent)

    def test_out_of_reach(self) -> None:
        """Every update is tried once, but not all are repeated when nothing passes."""
        answers = Answers(failure("InternalServerError", 500))
        found = updates(answers).run([REQUEST] * 1000)
        assert [(Status.UNAVAILABLE, {})] * 1000 == found
        assert 1000 + RETRIES_AT_ONCE == len(answers.sent)

    @pytest.mark.parametrize(
        "settled",
        [
            failure("ResourceNotFoundException"),
            (400, {"__type": "ValidationException", "Message": "told"}),
        ],
    )
    def test_settled(self, settled: tuple[int, Mapping[str, Any]]) -> None:
        """What no repetition helps says which table, and why."""
        answers = Answers(settled)
        with pytest.raises(Misconfigured, match=r"UpdateItem of counters, item 'k': .*told"):
            updates(answers).run([REQUEST])
        assert 1 == len(answers.sent)

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without credentials nothing is sent."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        dynamodb = client(1, endpoint_url="http://127.0.0.1:1", region_name="us-east-1")
        with pytest.raises(Misconfigured, match="credentials"):
            ConditionalUpdates(dynamodb, 1).run([REQUEST])

    def test_units(self) -> None:
        """The units of what was written are asked for and reported, if somebody wants to know them."""
        reported: list[float] = []
        answers = Answers((200, {"ConsumedCapacity": {"TableName": "counters", "CapacityUnits": 2.0}}))
        updates(answers, on_units=reported.append).run([REQUEST])
        assert "TOTAL" == json.loads(answers.sent[0])["ReturnConsumedCapacity"]
        assert [2.0] == reported


class TestThreads:
    """Several at a time."""

    def test_order(self) -> None:
        """Answers come in the order of their requests."""

        def answer(request: Any, **_: Any) -> Any:
            key = json.loads(request.body)["Key"]
            return Answers((200, {"Attributes": key}))(request)

        dynamodb = client(8, **WHERE)
        dynamodb.meta.events.register(EVENT, answer)
        requests: Any = [{**REQUEST, "Key": {"pk": {"N": str(number)}}} for number in range(200)]
        found = ConditionalUpdates(dynamodb, 8).run(requests)
        assert [str(number) for number in range(200)] == [answer.item["pk"]["N"] for answer in found]

    def test_at_once(self) -> None:
        """As many are on their way at a time as were asked for."""
        all_there = threading.Barrier(4, timeout=60)

        def answer(request: Any, **_: Any) -> Any:
            all_there.wait()
            return Answers((200, {}))(request)

        dynamodb = client(4, **WHERE)
        dynamodb.meta.events.register(EVENT, answer)
        found = ConditionalUpdates(dynamodb, 4).run([REQUEST] * 4)
        assert [Status.WRITTEN] * 4 == [answer.status for answer in found]

    def test_error(self) -> None:
        """After an error nothing new is begun, and the error comes through."""
        answers = Answers((200, {}), failure("ResourceNotFoundException"))
        with pytest.raises(Misconfigured):
            updates(answers, concurrency=2).run([REQUEST] * 100)
        assert len(answers.sent) <= 4

    def test_nothing(self) -> None:
        """Nothing to do is done."""
        assert [] == updates(Answers((200, {})), concurrency=2).run([])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def _plain_client() -> Any:
    return boto3.session.Session().client("dynamodb", **WHERE)  # type: ignore[call-overload]


def _increment(tables: Tables, key: str) -> Any:
    return {
        "TableName": tables.counters,
        "Key": {"pk": {"S": key}, "sk": {"S": key}},
        "UpdateExpression": "ADD n :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
