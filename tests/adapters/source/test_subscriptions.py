"""The subscription filters of log groups."""

from __future__ import annotations

import pytest

from adapters.source.subscriptions import SubscriptionFilters
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured
from metering.source.settings import Subscription


def test_filters() -> None:
    """The stack's own filter is found; none where it was deleted; and None without the log group."""
    with LocalCloud() as cloud:
        logs, filters = cloud.client("logs"), SubscriptionFilters(cloud.client("logs"))
        assert [Subscription("usage-meter", "", cloud.stack.arn("CallStream"))] == filters.of(cloud.log_group)
        logs.delete_subscription_filter(logGroupName=cloud.log_group, filterName="usage-meter")
        assert [] == filters.of(cloud.log_group)
        assert filters.of("nowhere") is None
        with pytest.raises(Misconfigured, match="DescribeSubscriptionFilters of"):
            filters.of("")
