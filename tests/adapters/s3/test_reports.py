"""Reports in a bucket: one suite, on S3 and on what stands in its place in other tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.s3.reports import S3Reports
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured, Transient
from metering.proof.stored_object import Stored
from reconciliation.report.publication import ReportStore
from tests.reconciliation.report.report_store import Shelf

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "lake"
NAME = "reconciliation/2026-10/latest.json"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of S3 with a bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture(params=["S3", "memory"])
def store(request: pytest.FixtureRequest, s3: Any) -> ReportStore:
    """An empty store."""
    if request.param == "memory":
        return Shelf()
    s3.delete_object(Bucket=BUCKET, Key=NAME)
    return S3Reports(s3, BUCKET)


class TestStores:
    def test_nothing_there(self, store: ReportStore) -> None:
        """What nobody has written is not there, and is no error."""
        assert store.read(NAME) is None

    def test_added_once(self, store: ReportStore) -> None:
        """The first write stays, the second says that it came second."""
        assert [True, False] == [store.add(NAME, b"first"), store.add(NAME, b"second")]
        assert b"first" == content(store)

    def test_replaced_by_its_tag(self, store: ReportStore) -> None:
        """Of two writers who have read the same, one replaces it."""
        store.add(NAME, b"first")
        read = store.read(NAME)
        assert read is not None
        assert [True, False] == [store.replace(NAME, content, read.tag) for content in (b"second", b"third")]
        assert b"second" == content(store)

    def test_nothing_to_replace(self, store: ReportStore) -> None:
        """What has been removed meanwhile is not written anew."""
        assert store.replace(NAME, b"content", '"0123456789abcdef0123456789abcdef"') is False
        assert store.read(NAME) is None

    def test_place(self, store: ReportStore) -> None:
        """Where others find it."""
        assert f"s3://lake/{NAME}" == store.place(NAME)


def test_content_type(s3: Any) -> None:
    """A browser shows the page, and does not offer it as a file."""
    store = S3Reports(s3, BUCKET)
    for name in ("report.html", "differences.csv", "report.json"):
        store.add(f"reconciliation/2026-10/one/{name}", b"")
    assert ["text/html; charset=utf-8", "text/csv; charset=utf-8", "application/json"] == [
        s3.head_object(Bucket=BUCKET, Key=f"reconciliation/2026-10/one/{name}")["ContentType"]
        for name in ("report.html", "differences.csv", "report.json")
    ]


class Refusing:
    """A client of S3 that answers with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_object(self, **_: Any) -> None:
        raise self._error

    def put_object(self, **_: Any) -> None:
        raise self._error


def refused(code: str, status: int = 400) -> ClientError:
    """An error as S3 sends it."""
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (refused("AccessDenied", 403), Misconfigured),
            (refused("SlowDown", 503), Transient),
            (EndpointConnectionError(endpoint_url="https://s3"), Transient),
        ],
    )
    def test_translated(self, error: Exception, kind: type[Exception]) -> None:
        """By what the caller must do, with the object's name."""
        store = S3Reports(cast("S3Client", Refusing(error)), BUCKET)
        with pytest.raises(kind, match=r"GetObject of lake/reconciliation/2026-10/latest\.json"):
            store.read(NAME)
        with pytest.raises(kind, match=r"PutObject of lake/reconciliation/2026-10/latest\.json"):
            store.add(NAME, b"")

    def test_conflict(self) -> None:
        """Two writes in the same moment: S3 asks to try again."""
        store = S3Reports(cast("S3Client", Refusing(refused("ConditionalRequestConflict", 409))), BUCKET)
        with pytest.raises(Transient, match="written by somebody else"):
            store.add(NAME, b"")


def content(store: ReportStore) -> bytes:
    """What is there."""
    found = store.read(NAME)
    assert isinstance(found, Stored)
    return found.content
