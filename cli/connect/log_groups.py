"""Log groups and the subscription filters that bring their events into the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.errors import translated

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import PutSubscriptionFilterRequestTypeDef

MOST_FILTERS = 2
"""Of a log group.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""


@dataclass(frozen=True, slots=True)
class AccessLogGroup:
    """A log group as it is."""

    name: str
    log_class: str
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionSetting:
    """How a log group is subscribed: as the template's filter is."""

    name: str
    destination_arn: str
    """The stream, or the destination of another account in its place."""
    role_arn: str | None
    """None: the destination has its own."""


class AccessLogGroups:
    """Reads log groups and subscribes them. `logs` is a boto3 client."""

    def __init__(self, logs: CloudWatchLogsClient) -> None:
        self._logs = logs

    def find(self, name: str) -> AccessLogGroup | None:
        """The group of that name, if there is one.

        Raises:
            MeterError: it cannot be read.
        """
        with translated(f"the log group {name}"):
            pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            groups = [one for page in pages for one in page["logGroups"] if one["logGroupName"] == name]
            if not groups:
                return None
            filters = self._logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
        return AccessLogGroup(
            name,
            groups[0].get("logGroupClass", "STANDARD"),
            tuple(one["filterName"] for one in filters),
        )

    def subscribe(self, name: str, subscription: SubscriptionSetting) -> None:
        """Bring a group's events into the stream.

        Raises:
            MeterError: CloudWatch Logs refuses it.
        """
        request: PutSubscriptionFilterRequestTypeDef = {
            "logGroupName": name,
            "filterName": subscription.name,
            "filterPattern": "",
            "destinationArn": subscription.destination_arn,
            "distribution": "Random",
        }
        if subscription.role_arn is not None:
            request["roleArn"] = subscription.role_arn
        with translated(f"PutSubscriptionFilter of {name}"):
            self._logs.put_subscription_filter(**request)

    def unsubscribe(self, name: str, filter_name: str) -> None:
        """Take a filter away.

        Raises:
            MeterError: CloudWatch Logs refuses it.
        """
        with translated(f"DeleteSubscriptionFilter of {name}"):
            self._logs.delete_subscription_filter(logGroupName=name, filterName=filter_name)
