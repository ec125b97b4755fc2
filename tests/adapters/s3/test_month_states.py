"""The states of months in S3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from botocore.exceptions import ClientError

from adapters.s3.month_states import S3Closings
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.month_state import Closing, State
from metering.usage import Usage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

OCTOBER = Period("2026-10")
BEGUN = Closing(
    month=OCTOBER,
    state=State.CLOSING,
    begun_at=datetime(2026, 11, 2, tzinfo=UTC),
    begun_by="one",
    report="run-1",
    agrees=True,
    missing=[],
    differences=0,
    total=Usage(1, fingerprint=2**125),
)
SEALED = msgspec.structs.replace(BEGUN, state=State.SEALED)


@pytest.fixture
def store() -> Iterator[S3Closings]:
    """An empty bucket."""
    with LocalEndpoint() as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="lake")
        yield S3Closings(s3, "lake")


def test_states(store: S3Closings) -> None:
    """A state is begun once, and replaced only by who has read it."""
    assert store.read(OCTOBER) is None
    assert store.begin(BEGUN)
    assert not store.begin(msgspec.structs.replace(BEGUN, begun_by="two"))
    found = store.read(OCTOBER)
    assert found is not None
    assert BEGUN == found.closing
    assert not store.replace(SEALED, '"another"')
    assert store.replace(SEALED, found.tag)
    assert not store.replace(BEGUN, found.tag)
    assert store.read(Period("2026-09")) is None


def test_repeated_write(store: S3Closings) -> None:
    """A write that is repeated because its answer was lost finds itself, and counts as written."""
    assert store.begin(BEGUN)
    assert store.begin(BEGUN)


def test_replacing_nothing(store: S3Closings) -> None:
    """A state that is gone cannot be replaced."""
    assert not store.replace(SEALED, '"gone"')


def test_usage(store: S3Closings) -> None:
    """Usage lies under its digest, beside its state."""
    name = store.keep(OCTOBER, "usage", "abc", b"content")
    assert ("closing/2026-10/usage-abc.jsonl", b"content") == (name, store.content(name))
    with pytest.raises(Misconfigured, match="GetObject of lake/closing/x"):
        store.content("closing/x")


class Refusing:
    """A client of S3 that refuses everything with a code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def put_object(self, **_: Any) -> None:
        """Refuse to write."""
        answer: Any = {"Error": {"Code": self._code, "Message": "no"}, "ResponseMetadata": {}}
        raise ClientError(answer, "PutObject")

    get_object = put_object


def test_written_by_somebody_else_just_now() -> None:
    """S3 asks for another attempt."""
    with pytest.raises(Transient, match="being written by somebody else"):
        S3Closings(cast("S3Client", Refusing("ConditionalRequestConflict")), "lake").begin(BEGUN)


def test_not_allowed() -> None:
    """What is refused is named."""
    refusing = S3Closings(cast("S3Client", Refusing("AccessDenied")), "lake")
    with pytest.raises(Misconfigured, match=r"PutObject of lake/closing/2026-10\.json"):
        refusing.begin(BEGUN)
    with pytest.raises(Misconfigured, match="PutObject of lake/closing/2026-10/usage-abc"):
        refusing.keep(OCTOBER, "usage", "abc", b"")
    with pytest.raises(Misconfigured, match=r"GetObject of lake/closing/2026-10\.json"):
        refusing.read(OCTOBER)
