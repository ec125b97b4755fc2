"""What the tests of the local cloud share."""

from collections.abc import Iterator

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.kinesis.api import KinesisService
from local_cloud.kinesis.subscription_delivery import SubscriptionDelivery, register


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint with the local Kinesis, fed by its CloudWatch Logs."""
    with LocalEndpoint() as running:
        kinesis = KinesisService(running.account_id, running.region)
        running.take_over(kinesis)
        register(SubscriptionDelivery(running.region, running.account_id, kinesis))
        yield running
