"""Conditional updates of DynamoDB, several at a time.

pynamodb cannot ask for the old item when a condition fails on a single update, and boto3 takes a millisecond
of processor time for each call, most of what the meter would spend on a batch. So requests in boto3's form
are written and read here, and sent as boto3 would send them: a client of it says where to, with whose
credentials and time-outs, and its `before-send` hooks are heard. The names in the requests are those of
:mod:`adapters.dynamodb.layout`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NotRequired, TypedDict

import boto3
import msgspec
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from adapters.dynamodb.hot_path.http_pool import NO_ANSWER, Connections
from adapters.dynamodb.hot_path.sigv4 import Signer
from adapters.errors import CONDITION_FAILED, translate
from metering.counters.ports import Status
from metering.errors import Transient

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ATTEMPTS: Final = 3
"""As often is an update sent that gets no answer, or is asked to come later."""
RETRIES_AT_ONCE: Final = 100
"""The most repetitions in one run. When a table is out of reach, nothing is gained by insisting."""

_LONGEST_FIRST_PAUSE: Final = 0.025
"""Seconds; a pause is of random length, twice as long at most each time."""
_OPERATION: Final = "DynamoDB_20120810.UpdateItem"
_BEFORE_SEND: Final = "before-send.dynamodb.UpdateItem"
_OK: Final = 200


class AttributeValue(TypedDict, total=False):
    """A value as DynamoDB writes it: `{"N": "1"}`. Binaries are bytes, as in boto3."""

    S: str
    N: str
    B: bytes
    L: list[AttributeValue]
    M: dict[str, AttributeValue]
    NS: list[str]
    SS: list[str]
    BOOL: bool
    NULL: bool


Item = Mapping[str, AttributeValue]
"""An item as DynamoDB writes it: `{"name": {"N": "1"}}`."""


class UpdateRequest(TypedDict):
    """An UpdateItem in boto3's form."""

    TableName: str
    Key: Item
    UpdateExpression: str
    ConditionExpression: NotRequired[str]
    ExpressionAttributeNames: Mapping[str, str]
    ExpressionAttributeValues: Item
    ReturnValues: NotRequired[str]


class UpdateAnswer(NamedTuple):
    """What an update found: the new attributes that were asked for, or the old item that refused it."""

    status: Status
    item: Item


class _Capacity(msgspec.Struct, rename="pascal"):
    capacity_units: float = 0.0


class _Success(msgspec.Struct, rename="pascal"):
    attributes: dict[str, AttributeValue] = {}
    consumed_capacity: _Capacity | None = None


class _Failure(msgspec.Struct):
    """DynamoDB writes `message` or `Message`."""

    type: str = msgspec.field(name="__type", default="")
    message: str = ""
    other_message: str = msgspec.field(name="Message", default="")
    item: dict[str, AttributeValue] = msgspec.field(name="Item", default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode_success = msgspec.json.Decoder(_Success).decode
_decode_failure = msgspec.json.Decoder(_Failure).decode


def client(connections: int, **where: str) -> DynamoDBClient:
    """A client for updates of the hot path: short time-outs and few retries, since Lambda repeats the batch.

    Parameters are not validated by the SDK: they are built here, and DynamoDB validates them as well. `where`
    names another endpoint, region or credentials than those of the environment.
    """
    config = Config(
        max_pool_connections=connections,
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        parameter_validation=False,
    )
    made: DynamoDBClient = boto3.session.Session().client("dynamodb", config=config, **where)  # type: ignore[call-overload]
    return made


class ConditionalUpdates:
    """Runs conditional updates on a pool of threads, since each waits for an answer most of its time."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        concurrency: int,
        *,
        on_units: Callable[[float], None] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Updates go where a boto3 client would send them.

        `on_units` is called with the write units of each update that was written, and makes requests ask
        DynamoDB for them; DynamoDB reports none for an update that it refused.
        """
        known: Any = dynamodb  # its type leaves out hooks, configuration and credentials; boto3 is pinned
        self._hooks = known.meta.events
        self._url = f"{dynamodb.meta.endpoint_url}/"
        self._connections = Connections(
            dynamodb.meta.endpoint_url,
            connect_timeout=known.meta.config.connect_timeout,
            read_timeout=known.meta.config.read_timeout,
        )
        self._signer = Signer(
            known._get_credentials(),  # noqa: SLF001 - a client has no other way to say them
            service="dynamodb",
            region=dynamodb.meta.region_name,
            host=self._connections.host,
        )
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(concurrency, "dynamodb") if concurrency > 1 else None
        self._on_units = on_units
        self._pause = pause

    def run(
        self, requests: Sequence[UpdateRequest], is_over: Callable[[], bool] | None = None
    ) -> list[UpdateAnswer]:
        """Run UpdateItem requests, each on its own; the answers come in their order. They are begun in their
        order, too, and none after `is_over` says so: those are unavailable.

        Raises:
            Misconfigured: an update cannot work. Others may have been written.
        """
        run = _Run(requests, is_over)
        workers = min(self._concurrency, len(requests))
        if self._pool is None or workers == 1:
            self._work(run)
        else:
            for done in [self._pool.submit(self._work, run) for _ in range(workers)]:
                done.result()
        return run.answers

    def _work(self, run: _Run) -> None:
        """Run what nobody has begun yet, until nothing is left. After an error, nothing new is begun."""
        try:
            for number in run.waiting:
                if run.is_over is not None and run.is_over():
                    return run.stop()
                run.answers[number] = self._update(run.requests[number], run)
        except BaseException:
            run.stop()
            raise

    def _update(self, request: UpdateRequest, run: _Run) -> UpdateAnswer:
        body = _encode(self._asking(request))
        for attempt in range(ATTEMPTS):
            if attempt:
                if not run.may_repeat() or (run.is_over is not None and run.is_over()):
                    break
                self._pause(random.random() * _LONGEST_FIRST_PAUSE * 2**attempt)
            try:
                status, content = self._send(body)
            except NO_ANSWER:
                continue
            answer = self._read(status, content, request)
            if answer is not None:
                return answer
        return UpdateAnswer(Status.UNAVAILABLE, {})

    def _asking(self, request: UpdateRequest) -> dict[str, object]:
        """The request, asking for the old item too if the condition fails."""
        asking = {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if self._on_units is not None:
            asking["ReturnConsumedCapacity"] = "TOTAL"
        return asking

    def _send(self, body: bytes) -> tuple[int, bytes]:
        """The status and the content of the answer: that of a hook, if one gives it."""
        headers = self._signed(body)
        request = AWSPreparedRequest("POST", self._url, headers, body, stream_output=False)  # type: ignore[arg-type] # any mapping will do
        given = self._hooks.emit_until_response(_BEFORE_SEND, request=request)[1]
        if given is not None:
            return given.status_code, given.content
        return self._connections.post(body, headers)

    def _signed(self, body: bytes) -> dict[str, str]:
        try:
            return self._signer.headers(_OPERATION, body, time.time())
        except NoCredentialsError as error:
            raise translate(error, "UpdateItem") from error

    def _read(self, status: int, content: bytes, request: UpdateRequest) -> UpdateAnswer | None:
        """The answer; none if the request is to be sent again.

        Raises:
            Misconfigured
        """
        if status == _OK:
            success = _decode_success(content)
            if self._on_units is not None and success.consumed_capacity is not None:
                self._on_units(success.consumed_capacity.capacity_units)
            return UpdateAnswer(Status.WRITTEN, success.attributes)
        failure = _failure(content)
        code = failure.type.rpartition("#")[2]
        if code == CONDITION_FAILED:
            return UpdateAnswer(Status.REFUSED, failure.item)
        error = translate(
            ClientError(
                {
                    "Error": {"Code": code, "Message": failure.message or failure.other_message},
                    "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
                },
                "UpdateItem",
            ),
            f"UpdateItem of {request['TableName']}, item {_name(request['Key'])}",
        )
        if isinstance(error, Transient):
            return None
        raise error


class _Run:
    """Requests on their way. Threads take numbers from one iterator, and put answers in their places."""

    def __init__(self, requests: Sequence[UpdateRequest], is_over: Callable[[], bool] | None) -> None:
        self.requests = requests
        self.is_over = is_over
        self.waiting: Iterator[int] = iter(range(len(requests)))
        self.answers = [UpdateAnswer(Status.UNAVAILABLE, {})] * len(requests)
        self._repeated = count(1)

    def may_repeat(self) -> bool:
        """Whether one more request may be sent again."""
        return next(self._repeated) <= RETRIES_AT_ONCE

    def stop(self) -> None:
        """Nothing more is begun."""
        for _ in self.waiting:
            pass


def _name(key: Item) -> str:
    """The key of an item, in quotes."""
    return " ".join(repr(value.get("S")) for value in key.values())


def _failure(content: bytes) -> _Failure:
    """What an error says. One that does not come from DynamoDB, but from what is in between, says nothing."""
    try:
        return _decode_failure(content)
    except msgspec.DecodeError:
        return _Failure()
