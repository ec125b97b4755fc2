"""Sessions of another account's role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
    """Its clients have the credentials of the role, in the region that was wanted."""
    session = assumed(ROLE, "eu-west-1")
    caller = session.client("sts").get_caller_identity()
    assert "arn:aws:sts::123456789012:assumed-role/invoices/usage-meter" == caller["Arn"]
    assert "eu-west-1" == session.client("s3").meta.region_name
