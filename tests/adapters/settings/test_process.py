"""The environment of this process and of those that it starts."""

from __future__ import annotations

import os

import boto3
import pytest
from botocore.utils import get_environ_proxies

from adapters.settings.process import set_apart


def test_set_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile, an endpoint or a proxy of whoever runs a local cloud does not reach its clients."""
    variables = {
        "AWS_PROFILE": "shop",
        "AWS_ENDPOINT_URL": "http://elsewhere",
        "HTTP_PROXY": "http://proxy:3128",
    }
    monkeypatch.setattr(os, "environ", variables)
    set_apart()
    client = boto3.session.Session().client(
        "s3",
        endpoint_url="http://127.0.0.1:1",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    assert "http://127.0.0.1:1" == client.meta.endpoint_url
    assert {} == get_environ_proxies("http://127.0.0.1:1")
