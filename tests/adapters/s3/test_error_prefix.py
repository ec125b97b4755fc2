"""The error prefix in S3: what a redrive does with it, and where the rest of the bucket stays alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.s3.error_prefix import S3ErrorObjects
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured, Transient

BUCKET = "lake"
NAME = "errors/processing-failed/year=2026/month=10/day=31/a"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of S3 with a bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def errors(s3: Any) -> S3ErrorObjects:
    """The error prefix, with one object among others in the bucket."""
    for key in everything(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    for key in (NAME, "errors-redriven/b", "lake/year=2026/c", "errors.txt"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"content")
    return S3ErrorObjects(s3, BUCKET)


def everything(s3: Any) -> dict[str, bytes]:
    """All objects of the bucket."""
    listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}


def small_pages(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Two objects on a page."""
    return {**params, "MaxKeys": 2}


class TestReading:
    def test_names(self, errors: S3ErrorObjects) -> None:
        """Only what lies under the error prefix is listed."""
        assert [NAME] == list(errors.names())

    def test_many(self, errors: S3ErrorObjects, s3: Any) -> None:
        """A prefix with more objects than a page of S3's list is listed whole."""
        s3.meta.events.register("provide-client-params.s3.ListObjectsV2", small_pages, unique_id="small")
        try:
            for number in range(3):
                s3.put_object(Bucket=BUCKET, Key=f"errors/{number}", Body=b"")
            assert ["errors/0", "errors/1", "errors/2", NAME] == list(errors.names())
        finally:
            s3.meta.events.unregister("provide-client-params.s3.ListObjectsV2", unique_id="small")

    def test_content(self, errors: S3ErrorObjects) -> None:
        """The content of an object, or none if it is gone."""
        assert (b"content", None) == (errors.read(NAME), errors.read(NAME + "b"))


class TestWriting:
    def test_archive(self, errors: S3ErrorObjects, s3: Any) -> None:
        """What was redriven is kept outside of the error prefix, under its old name, however often."""
        for _ in range(2):
            errors.archive(NAME, "0a1b", b"kept")
        kept = "errors-redriven/processing-failed/year=2026/month=10/day=31/a-0a1b"
        assert (5, b"kept") == (len(found := everything(s3)), found[kept])

    def test_leave(self, errors: S3ErrorObjects, s3: Any) -> None:
        """An object is replaced by what stays of it, or removed, as often as it is asked."""
        errors.leave(NAME, b"rest")
        assert b"rest" == everything(s3)[NAME]
        for _ in range(2):
            errors.leave(NAME, b"")
        assert {"errors-redriven/b", "lake/year=2026/c", "errors.txt"} == everything(s3).keys()


class TestErrors:
    def test_no_bucket(self, s3: Any) -> None:
        """A bucket that is not there is named, by each operation; for its content, see `read`."""
        errors = S3ErrorObjects(s3, "nowhere-17")
        with pytest.raises(Misconfigured, match="ListObjectsV2 of nowhere-17/errors/"):
            list(errors.names())
        with pytest.raises(Misconfigured, match="GetObject of nowhere-17/errors/a"):
            errors.read("errors/a")
        with pytest.raises(Misconfigured, match="PutObject of nowhere-17/errors-redriven/a-1"):
            errors.archive("errors/a", "1", b"a")
        with pytest.raises(Misconfigured, match="DeleteObject of nowhere-17/errors/a"):
            errors.leave("errors/a", b"")

    def test_no_answer(self, s3: Any) -> None:
        """S3 that does not answer may do so later."""

        def fail(request: Any, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url=request.url)

        s3.meta.events.register("before-send.s3", fail, unique_id="fail")
        try:
            errors = S3ErrorObjects(s3, BUCKET)
            for act in (
                lambda: list(errors.names()),
                lambda: errors.read(NAME),
                lambda: errors.leave(NAME, b"a"),
            ):
                with pytest.raises(Transient, match="lake/errors/"):
                    act()
        finally:
            s3.meta.events.unregister("before-send.s3", unique_id="fail")
