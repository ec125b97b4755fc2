"""A session by the credentials of a role: fetched when they are needed, and again before they end."""

from __future__ import annotations

from typing import Final

import boto3
import botocore.session
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

SESSION_NAME: Final = "usage-meter"
"""By which the other account's trail knows who it was."""


class _Role(CredentialProvider):
    """The one source of a session's credentials."""

    METHOD = "assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        """Credentials that are fetched by whoever uses them first."""
        return DeferredRefreshableCredentials(self._fetcher.fetch_credentials, self.METHOD)


def assumed(role: str, region: str | None) -> boto3.session.Session:
    """A session of a role, assumed by the usual credentials. Nothing is requested before its first use.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    source = botocore.session.get_session()
    if region is not None:
        source.set_config_variable("region", region)
    fetcher = AssumeRoleCredentialFetcher(
        source.create_client,
        source.get_credentials(),
        role,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    found = botocore.session.get_session()
    found.register_component("credential_provider", CredentialResolver([_Role(fetcher)]))
    return boto3.session.Session(botocore_session=found, region_name=region)
