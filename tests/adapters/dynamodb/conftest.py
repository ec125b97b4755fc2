"""What the tests of adapters of DynamoDB share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.endpoint.server import LocalEndpoint


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of moto, which serves one request at a time."""
    with LocalEndpoint() as running:
        yield running.endpoint_url
