"""Conditional updates of DynamoDB, several at a time.

pynamodb cannot ask for the old item when a condition fails on a single update, so that updates go through
boto3; the names in them are those of :mod:`adapters.models`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import CONDITION_FAILED, translate
from metering.errors import Transient
from metering.ports import Status

Item = Mapping[str, Any]
"""An item as DynamoDB writes it: `{"name": {"N": "1"}}`."""


class UpdateAnswer(NamedTuple):
    """What an update found: the new attributes that were asked for, or the old item that refused it."""

    status: Status
    item: Item


def client(connections: int, **where: str) -> Any:
    """A client for updates of the hot path: short time-outs and few retries, since Lambda repeats the batch.

    Parameters are not validated by the SDK: they are built here, and DynamoDB validates them as well. `where`
    names another endpoint, region or credentials than those of the environment.
    """
    config = Config(
        max_pool_connections=connections,
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
        parameter_validation=False,
    )
    return boto3.session.Session().client("dynamodb", config=config, **where)  # type: ignore[call-overload]


class ConditionalUpdates:
    """Runs conditional updates on a pool of threads, since each waits for an answer most of its time."""

    def __init__(self, dynamodb: Any, concurrency: int) -> None:
        self._dynamodb = dynamodb
        self._pool = ThreadPoolExecutor(concurrency, "dynamodb") if concurrency > 1 else None

    def run(self, requests: Sequence[Mapping[str, Any]]) -> list[UpdateAnswer]:
        """Run UpdateItem requests, each on its own; the answers come in their order.

        Raises:
            Misconfigured: an update cannot work. Others may have been written.
        """
        mapped: Callable[..., Iterable[UpdateAnswer]] = (
            map if self._pool is None or len(requests) == 1 else self._pool.map
        )
        return list(mapped(self._update, requests))

    def _update(self, request: Mapping[str, Any]) -> UpdateAnswer:
        try:
            answer = self._dynamodb.update_item(**request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except (ClientError, BotoCoreError) as error:
            return _failed(error, request)
        return UpdateAnswer(Status.WRITTEN, answer.get("Attributes", {}))


def _failed(error: ClientError | BotoCoreError, request: Mapping[str, Any]) -> UpdateAnswer:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == CONDITION_FAILED:
        answer: Mapping[str, Any] = error.response
        return UpdateAnswer(Status.REFUSED, answer.get("Item", {}))
    translated = translate(error, f"UpdateItem of {request['TableName']}")
    if isinstance(translated, Transient):
        return UpdateAnswer(Status.UNAVAILABLE, {})
    raise translated from error
