"""A bucket: objects on conditions, lists to their end, S3's errors as the meter's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.s3.bucket import Bucket
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured, Transient

NAME = "lake"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of S3 with a bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket=NAME)
        yield client


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    """An empty bucket."""
    found = Bucket(s3, NAME)
    for one in list(found.objects("")):
        found.delete(one.name)
    return found


def small_pages(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Two entries on a page of a list."""
    return {**params, "MaxKeys": 2}


@pytest.fixture
def paged(s3: Any, bucket: Bucket) -> Iterator[Bucket]:
    """The bucket, whose lists have small pages."""
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", small_pages, unique_id="small")
    yield bucket
    s3.meta.events.unregister("provide-client-params.s3.ListObjectsV2", unique_id="small")


def test_nothing_there(bucket: Bucket) -> None:
    """An object that is not there is none; whoever must have it gets an error with its name."""
    assert bucket.get("a/b") is None
    with pytest.raises(Misconfigured, match=r"GetObject of lake/a/b: there is no such object \(NoSuchKey\)"):
        bucket.content("a/b")


def test_conditions(bucket: Bucket) -> None:
    """Of two who write the first object, or who have read the same, one writes."""
    assert [True, False] == [bucket.put_if_absent("a", content) for content in (b"1", b"2")]
    found = bucket.get("a")
    assert found is not None
    assert b"1" == found.content
    assert [True, False] == [bucket.put_if_unchanged("a", content, found.tag) for content in (b"3", b"4")]
    assert b"3" == bucket.content("a")
    bucket.delete("a")
    assert not bucket.put_if_unchanged("a", b"5", found.tag)
    assert bucket.get("a") is None


def test_content_types(bucket: Bucket, s3: Any) -> None:
    """By the ending of the name, so that a browser shows a page; what has no known one is just bytes."""
    expected = {
        "a.json": "application/json",
        "a.jsonl": "application/x-ndjson",
        "a.csv": "text/csv; charset=utf-8",
        "a.html": "text/html; charset=utf-8",
        "a.parquet": "binary/octet-stream",
        "v1.json/a": "binary/octet-stream",
    }
    for name in expected:
        bucket.put(name, b"")
    assert expected == {name: s3.head_object(Bucket=NAME, Key=name)["ContentType"] for name in expected}


def test_lists_are_followed(paged: Bucket) -> None:
    """Objects and folders of more than one page, in order, under the prefix alone."""
    for name in ("x/3/a", "x/1/a", "x/1/b", "x/2/a", "y/a", "x"):
        paged.put(name, b"12")
    assert ["x/1/a", "x/1/b", "x/2/a", "x/3/a"] == [one.name for one in paged.objects("x/")]
    assert {2} == {one.size for one in paged.objects("x/")}
    assert ["1", "2", "3"] == list(paged.folders("x/"))


def test_count(bucket: Bucket) -> None:
    """The objects under a prefix."""
    for name in ("x/1", "x/2", "y/3"):
        bucket.put(name, b"")
    assert (2, 0) == (bucket.count("x/"), bucket.count("z/"))


def test_address(bucket: Bucket) -> None:
    """Where others find an object."""
    assert "s3://lake/a/b" == bucket.address("a/b")


def operations(bucket: Bucket) -> dict[str, Any]:
    """Each operation, by S3's name of it and of what it was asked for."""
    name = bucket.name
    return {
        f"GetObject of {name}/a": [lambda: bucket.get("a"), lambda: bucket.content("a")],
        f"PutObject of {name}/a": [
            lambda: bucket.put("a", b""),
            lambda: bucket.put_if_absent("a", b""),
            lambda: bucket.put_if_unchanged("a", b"", '"0"'),
        ],
        f"DeleteObject of {name}/a": [lambda: bucket.delete("a")],
        f"ListObjectsV2 of {name}/a/": [
            lambda: list(bucket.objects("a/")),
            lambda: list(bucket.folders("a/")),
            lambda: bucket.count("a/"),
        ],
    }


def test_no_bucket(s3: Any) -> None:
    """A bucket that is not there is named, by each operation."""
    for place, acts in operations(Bucket(s3, "nowhere-17")).items():
        for act in acts:
            with pytest.raises(Misconfigured, match=f"^{place}"):
                act()


def test_no_answer(s3: Any) -> None:
    """S3 that cannot be reached may be there later."""

    def fail(request: Any, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=request.url)

    s3.meta.events.register("before-send.s3", fail, unique_id="fail")
    try:
        for place, acts in operations(Bucket(s3, NAME)).items():
            for act in acts:
                with pytest.raises(Transient, match=f"^{place}"):
                    act()
    finally:
        s3.meta.events.unregister("before-send.s3", unique_id="fail")


class _Refusing:
    """A client of S3 whose writes are answered with a code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def put_object(self, **_: Any) -> None:
        """Refuse to write."""
        answer: Any = {"Error": {"Code": self._code, "Message": "no"}, "ResponseMetadata": {}}
        raise ClientError(answer, "PutObject")


def test_conflict() -> None:
    """Two conditional writes in the same moment: S3 asks one of them to try again."""
    refusing: Any = _Refusing("ConditionalRequestConflict")
    with pytest.raises(Transient, match="lake/a is being written by somebody else"):
        Bucket(refusing, "lake").put_if_absent("a", b"")
