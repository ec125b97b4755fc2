"""The package as Lambda runs it: the functions answer under Lambda's own runtime client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.stack import LocalCloud
from local_cloud.template.document import translated
from tests.functions import SCENARIOS
from tests.package.runtime_api import FunctionFailed, RuntimeProcess
from tests.package.wheels import interpreter

FUNCTIONS = [
    name for name, one in translated()["Resources"].items() if one["Type"] == "AWS::Lambda::Function"
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """The stack."""
    with LocalCloud() as running:
        yield running


def running(
    cloud: LocalCloud, function: str, package: Path, client: Path, **variables: str
) -> RuntimeProcess:
    """The function in a process of its own, with the environment that the template gives it."""
    handler = cloud.stack.resource(function)["Handler"]
    environment = {"PATH": os.defpath, **cloud.environment(function), **variables}
    return RuntimeProcess(interpreter(), client, package, handler, environment)


class TestHandlers:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_answers(self, cloud: LocalCloud, package: Path, runtime_client: Path, function: str) -> None:
        """Each function answers its events, from nothing but the package and its environment."""
        with running(cloud, function, package, runtime_client) as process:
            SCENARIOS[function](cloud, process.invoke)

    def test_all_known(self) -> None:
        """A function that is added to the template comes under these tests."""
        assert set(FUNCTIONS) == set(SCENARIOS)

    def test_misconfigured(self, cloud: LocalCloud, package: Path, runtime_client: Path) -> None:
        """A missing setting is an error that names it, at the first event."""
        with (
            running(cloud, "WatchFunction", package, runtime_client, STREAM_NAME="") as process,
            pytest.raises(FunctionFailed, match="STREAM_NAME is not set"),
        ):
            process.invoke({"task": "heartbeat"})
