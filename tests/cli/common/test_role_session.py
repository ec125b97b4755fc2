"""Sessions of another account's role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ParamValidationError

from cli.common.role_session import assumed
from local_cloud.endpoint.server import LocalEndpoint

ROLE = "arn:aws:iam::123456789012:role/invoices"


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, own_environment: None) -> Iterator[LocalEndpoint]:  # noqa: ARG001
    """A cloud that is found by the usual settings."""
    with LocalEndpoint() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def test_a_session_is_that_of_the_role(endpoint: LocalEndpoint) -> None:  # noqa: ARG001 - it runs
    """Its clients have the role's temporary credentials, in the region that was wanted; nothing is requested
    before they are used.
    """
    session = assumed(ROLE, "eu-west-1")
    credentials = session.get_credentials()
    assert credentials is not None
    assert "assume-role" == credentials.method
    frozen = credentials.get_frozen_credentials()
    assert str(frozen.access_key).startswith("ASIA")
    assert frozen.token
    assert "eu-west-1" == session.client("s3").meta.region_name


def test_a_role_that_is_none(endpoint: LocalEndpoint) -> None:  # noqa: ARG001 - it runs
    """It is refused when it is used."""
    credentials = assumed("x", "eu-west-1").get_credentials()
    assert credentials is not None
    with pytest.raises(ParamValidationError, match="RoleArn"):
        credentials.get_frozen_credentials()
