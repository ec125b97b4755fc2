"""CloudWatch Logs' deliveries into the local Kinesis.

moto's CloudWatch Logs hands the events of every PutLogEvents to a Kinesis backend from its registry; this is
that backend.
"""

import gzip
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from moto.kinesis import urls
from moto.kinesis.exceptions import StreamNotFoundError
from moto.kinesis.models import KinesisBackend, kinesis_backends

from local_cloud.endpoint.service import AwsError
from local_cloud.kinesis.api import MAX_RECORD_BYTES, KinesisService

Listener = Callable[[str, bytes], None]
"""Called with the stream's name and the gzip data of each delivery, after it was put."""


class SubscriptionDelivery(KinesisBackend):
    """Puts each delivery as one gzip record, or as several where one would exceed Kinesis's 1 MiB."""

    def __init__(self, region: str, account_id: str, kinesis: KinesisService) -> None:
        super().__init__(region, account_id)
        self._kinesis = kinesis
        self.listeners: list[Listener] = []
        self.on_forwarded: Callable[[str, str, int], None] = lambda _group, _filter, _events: None
        """Called with log group, filter and number of the log events of each delivery."""

    @property
    def _url_module(self) -> object:
        """moto's own addresses: it would look for them beside this class."""
        return urls

    def reset(self) -> None:
        """Forget everything: there is nothing, what was delivered is Kinesis's."""

    def describe_stream(self, stream_arn: str | None, stream_name: str | None) -> Any:
        """What moto asks before it stores a subscription filter: does the stream exist?"""
        name = stream_name or (stream_arn or "").rpartition("/")[2]
        try:
            return self._kinesis.stream(name)
        except AwsError as error:
            raise StreamNotFoundError(name, self.account_id) from error

    def send_log_event(
        self,
        delivery_stream_arn: str,
        filter_name: str,
        log_group_name: str,
        log_stream_name: str,
        log_events: list[dict[str, Any]],
    ) -> None:
        """Deliver log events as CloudWatch Logs does; without events nothing is delivered."""
        envelope = {
            "messageType": "DATA_MESSAGE",
            "owner": self.account_id,
            "logGroup": log_group_name,
            "logStream": log_stream_name,
            "subscriptionFilters": [filter_name],
        }
        stream = self._kinesis.stream(delivery_stream_arn)
        self.on_forwarded(log_group_name, filter_name, len(log_events))
        for data in _packed(envelope, log_events):
            stream.put(partition_key=uuid4().hex, data=data)
            for listener in self.listeners:
                listener(stream.name, data)


def register(delivery: SubscriptionDelivery) -> None:
    """From now on moto's CloudWatch Logs of that account and region delivers through ``delivery``."""
    kinesis_backends[delivery.account_id][delivery.region_name] = delivery


def compress(delivery: dict[str, Any]) -> bytes:
    """The gzip data of one delivery. The same delivery gives the same bytes."""
    return gzip.compress(json.dumps(delivery, separators=(",", ":")).encode(), compresslevel=6, mtime=0)


def _packed(envelope: dict[str, Any], log_events: list[dict[str, Any]]) -> list[bytes]:
    if not log_events:
        return []
    data = compress({**envelope, "logEvents": log_events})
    if len(data) <= MAX_RECORD_BYTES or len(log_events) == 1:
        return [data]
    middle = len(log_events) // 2
    return _packed(envelope, log_events[:middle]) + _packed(envelope, log_events[middle:])
