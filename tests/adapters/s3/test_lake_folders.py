"""The folders of the lake."""

from __future__ import annotations

import pytest

from adapters.s3.bucket import Bucket
from adapters.s3.lake_folders import first_month
from local_cloud.endpoint.server import LocalEndpoint


@pytest.mark.parametrize(
    ("names", "month"),
    [
        ([], None),
        (["lake/year=2026/month=10/day=01/a", "lake/year=2026/month=09/day=30/b"], "2026-09"),
        (["lake/year=2026/month=01/day=01/a", "lake/year=2025/month=12/day=31/b"], "2025-12"),
        (["lake/other/a", "lake/year=2026/b", "lake/year=2026/month=11/day=02/c", "errors/d"], "2026-11"),
    ],
)
def test_first_month(names: list[str], month: str | None) -> None:
    """The first month that has a folder of a day; other objects are passed over."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket="lake")
        bucket = Bucket(client, "lake")
        for name in names:
            client.put_object(Bucket="lake", Key=name, Body=b"")
        assert month == first_month(bucket)
