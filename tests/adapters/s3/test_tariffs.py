"""Published tariffs: each once, under the next number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.s3.bucket import Bucket
from adapters.s3.tariffs import S3Tariffs
from local_cloud.endpoint.server import LocalEndpoint


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """An empty bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket="lake")
        yield Bucket(client, "lake")


def test_publishes_under_the_next_number(bucket: Bucket) -> None:
    """The latest is in force, earlier ones stay; the same again changes nothing."""
    tariffs = S3Tariffs(bucket)
    assert tariffs.latest() is None
    found = [tariffs.publish({"plans": name}) for name in ("a", "b", "b", "a")]
    assert [(1, True), (2, True), (2, False), (3, True)] == [(one.number, is_new) for one, is_new in found]
    assert (3, {"plans": "a"}) == tariffs.latest()
    assert [f"tariffs/00000{n}.json" for n in (1, 2, 3)] == [one.name for one in bucket.objects("")]


def test_two_at_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second takes the next number, and overwrites nothing."""
    tariffs, theirs = S3Tariffs(bucket), S3Tariffs(bucket)
    latest = tariffs.latest

    def meanwhile() -> object:
        before = latest()
        monkeypatch.setattr(tariffs, "latest", latest)
        theirs.publish({"plans": "theirs"})
        return before

    monkeypatch.setattr(tariffs, "latest", meanwhile)
    assert (2, {"plans": "ours"}) == tariffs.publish({"plans": "ours"})[0]
    assert 2 == len(list(bucket.objects("")))
