"""The way to a stack: the region that was named, and what is said where there is no way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from botocore.config import Config

from adapters.deployment import Deployment
from cli.common.bootstrap import session, target
from local_cloud.stack import LocalCloud

AWS = [name for name in os.environ if name.startswith("AWS_")]


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which nobody has set up AWS."""
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


class TestRegion:
    def test_aws_region(self, nothing_set: pytest.MonkeyPatch) -> None:
        """AWS_REGION names the region, by itself."""
        nothing_set.setenv("AWS_REGION", "eu-west-3")
        assert "eu-west-3" == session().region_name
        assert "eu-west-3" == session().client("cloudformation").meta.region_name

    def test_before_the_default(self, nothing_set: pytest.MonkeyPatch) -> None:
        """It goes before AWS_DEFAULT_REGION, as in the AWS CLI; an empty one names nothing."""
        nothing_set.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        assert "eu-west-1" == session().region_name
        nothing_set.setenv("AWS_REGION", "")
        assert "eu-west-1" == session().region_name
        nothing_set.setenv("AWS_REGION", "eu-west-3")
        assert "eu-west-3" == session().region_name


def shown(**variables: str) -> tuple[int, str]:
    """Exit code and standard error of a command, on a machine where these variables alone are set."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "health"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return done.returncode, done.stderr


class TestNoWay:
    """Each is one sentence that says what to do, and wrong use."""

    def test_no_region(self) -> None:
        """Nothing says where to look."""
        assert (2, "usage-meter: There is no AWS region: set AWS_REGION or AWS_PROFILE.\n") == shown()

    def test_no_credentials(self) -> None:
        """Nothing says as whom."""
        code, sentence = shown(AWS_REGION="eu-west-1")
        assert 2 == code
        assert sentence.startswith("usage-meter: There are no AWS credentials: set AWS_PROFILE, or")
        assert "Traceback" not in sentence

    def test_no_endpoint(self) -> None:
        """What was named is not there any more: a local cloud that has ended, say."""
        code, sentence = shown(
            AWS_REGION="eu-west-1",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_ENDPOINT_URL="http://127.0.0.1:1",
        )
        assert 2 == code
        assert sentence.startswith("usage-meter: Nothing responds at http://127.0.0.1:1/: start the service")


def test_target(nothing_set: pytest.MonkeyPatch) -> None:
    """A stack is found by the variables that the local cloud prints, with its services and its caller. There
    is one client of a service, or one for each configuration.
    """
    with LocalCloud() as cloud:
        cloud.publish()
        for name, value in cloud.endpoint.environment.items():
            nothing_set.setenv(name, value)
        found = target("usage-meter")
        assert isinstance(found.deployment, Deployment)
        (table,) = found.deployment.values("CountersTableName")
        assert table in found.client("dynamodb").list_tables()["TableNames"]
        assert found.caller.startswith("arn:aws:")
        assert found.client("dynamodb") is found.client("dynamodb")
        assert found.client("dynamodb") is not found.client("dynamodb", config=Config(max_pool_connections=2))
