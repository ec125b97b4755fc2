"""The subscription filters of log groups.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeSubscriptionFilters.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from adapters.errors import code_of, translated
from metering.errors import Misconfigured
from metering.source.settings import Subscription

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

NO_GROUP: Final = "ResourceNotFoundException"


class SubscriptionFilters:
    """Reads them; a log group has two at most."""

    def __init__(self, logs: CloudWatchLogsClient) -> None:
        self._logs = logs

    def of(self, log_group: str) -> Sequence[Subscription] | None:
        """Those of a log group; None: there is no such log group.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        try:
            with translated(f"DescribeSubscriptionFilters of {log_group}"):
                found = self._logs.describe_subscription_filters(logGroupName=log_group)
        except Misconfigured as error:
            if code_of(error.__cause__) == NO_GROUP:
                return None
            raise
        return [
            Subscription(one["filterName"], one.get("filterPattern", ""), one["destinationArn"])
            for one in found["subscriptionFilters"]
        ]
