"""Sessions share what follows from botocore's files, and nothing else."""

from __future__ import annotations

from typing import Any

import boto3
import pytest


def client(service: str, region: str = "us-east-1", key: str = "a", **options: Any) -> Any:
    """A client of a session of its own."""
    session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key="b", region_name=region)
    return session.client(service, **options)  # type: ignore[call-overload]


def test_what_is_shared() -> None:
    """Clients of a service have one class, and those of two services have not."""
    assert type(client("dynamodb")) is type(client("dynamodb"))
    assert type(client("dynamodb")) is not type(client("kinesis"))


@pytest.mark.parametrize("service", ["dynamodb", "s3", "athena"])
def test_each_has_its_own_settings(service: str) -> None:
    """Region, endpoint and credentials are those that the session was given."""
    ours = client(service)
    theirs = client(service, "eu-central-1", "c", endpoint_url="http://127.0.0.1:1")
    later = client(service, "eu-west-1")

    assert ["us-east-1", "eu-central-1", "eu-west-1"] == [
        one.meta.region_name for one in (ours, theirs, later)
    ]
    assert "http://127.0.0.1:1" == theirs.meta.endpoint_url
    assert "eu-west-1" in later.meta.endpoint_url
    assert ["a", "c"] == [one._request_signer._credentials.access_key for one in (ours, theirs)]  # noqa: SLF001


def test_each_has_its_own_handlers() -> None:
    """What is registered with one client is not called for another, nor for a later one."""
    seen: list[str] = []
    ours, other = client("dynamodb"), client("dynamodb")
    ours.meta.events.register("made-up-event.dynamodb", lambda **_: seen.append("ours"))
    for one in (other, client("dynamodb"), ours):
        one.meta.events.emit("made-up-event.dynamodb.GetItem")

    assert ["ours"] == seen
