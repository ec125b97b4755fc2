"""The environment of this process and of those that it starts: AWS's own variables."""

from __future__ import annotations

import os
from collections.abc import Mapping


def aws_region(variables: Mapping[str, str] | None = None) -> str | None:
    """The region that AWS_REGION names; None leaves it to the SDK: AWS_DEFAULT_REGION, or the profile."""
    return (os.environ if variables is None else variables).get("AWS_REGION") or None


def external_dynamodb(variables: Mapping[str, str] | None = None) -> str | None:
    """The address of a DynamoDB that the local cloud should use in place of its own, if one is named."""
    return (os.environ if variables is None else variables).get("AWS_ENDPOINT_URL_DYNAMODB") or None


def inherited(names: tuple[str, ...] = ("PATH", "HOME", "LANG")) -> dict[str, str]:
    """Variables that a child process needs from this one, and nothing else of its environment."""
    return {name: os.environ[name] for name in names if name in os.environ}


def set_apart(nowhere: str = os.devnull) -> None:
    """Keep the AWS settings and proxies of whoever runs this process out of it: for commands with a cloud of
    their own, whose clients name endpoint, region and credentials by themselves.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        os.environ.pop(name, None)
    os.environ.update(
        {
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
            "no_proxy": "*",
        }
    )
