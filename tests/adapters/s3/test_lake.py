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
        for name in (
            f"{FOLDER}b",
            f"{FOLDER}a",
            "lake/year=2026/month=10/day=06/c",
            "lake/year=2026/month=10/e",
        ):
            client.put_object(Bucket=BUCKET, Key=name, Body=name[-1:].encode())
        yield client


@pytest.fixture
def listings(s3: Any) -> Iterator[list[str]]:
    """The prefixes of the listings that are requested from now on."""
    prefixes: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        prefixes.append(params["Prefix"])

    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", note)
    yield prefixes
    s3.meta.events.unregister("provide-client-params.s3.ListObjectsV2", note)


def stored(folder: str, name: str) -> StoredObject:
    """What identifies the content of an object."""
    return StoredObject(f"{folder}{name}", md5(name.encode(), usedforsecurity=False).hexdigest(), 1)


def test_of_a_day(s3: Any, listings: list[str]) -> None:
    """Those of the day's folder, in order, with what identifies their content."""
    found = list(S3LakeObjects(s3, BUCKET).of_days([DAY]))
    assert [(DAY, stored(FOLDER, "a")), (DAY, stored(FOLDER, "b"))] == found
    assert [FOLDER] == listings


def test_of_a_month(s3: Any, listings: list[str]) -> None:
    """The days of a month are one listing, also when it has other days and other objects."""
    days = [datetime(2026, 9, 30, tzinfo=UTC), *(DAY.replace(day=number) for number in (1, 2, 3, 4, 5, 7))]
    found = list(S3LakeObjects(s3, BUCKET).of_days(days))
    assert [(DAY, stored(FOLDER, "a")), (DAY, stored(FOLDER, "b"))] == found
    assert ["lake/year=2026/month=09/day=30/", "lake/year=2026/month=10/"] == listings


def test_no_bucket(s3: Any) -> None:
    """Said with the folder."""
    with pytest.raises(Misconfigured, match=f"ListObjectsV2 of missing/{FOLDER}"):
        list(S3LakeObjects(s3, "missing").of_days([DAY]))
