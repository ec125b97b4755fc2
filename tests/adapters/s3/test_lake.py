"""The objects of the lake, as S3 lists them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

import pytest

from adapters.s3.lake import S3LakeObjects
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured
from metering.proof.stored_object import StoredObject

BUCKET = "lake"
FOLDER = "lake/year=2026/month=10/day=05/"
DAY = datetime(2026, 10, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of S3 with a bucket that holds objects of that day and of others."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket=BUCKET)
        for name in (f"{FOLDER}b", f"{FOLDER}a", "lake/year=2026/month=10/day=06/c", "errors/d"):
            client.put_object(Bucket=BUCKET, Key=name, Body=name[-1:].encode())
        yield client


def test_of_a_day(s3: Any) -> None:
    """Those of the day's folder, in order, with what tells their content."""
    assert [
        StoredObject(f"{FOLDER}{name}", md5(name.encode(), usedforsecurity=False).hexdigest(), 1)
        for name in ("a", "b")
    ] == list(S3LakeObjects(s3, BUCKET).of_day(DAY))


def test_no_bucket(s3: Any) -> None:
    """Said with the folder."""
    with pytest.raises(Misconfigured, match=f"ListObjectsV2 of missing/{FOLDER}"):
        list(S3LakeObjects(s3, "missing").of_day(DAY))
