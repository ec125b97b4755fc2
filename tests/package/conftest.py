"""The package for this machine, and Lambda's runtime client, made once for a test run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.package.wheels import MACHINE, RUNTIME_CLIENT_LOCK, needed, python
from tools.build_lambda import BuildError, build, install


@pytest.fixture(scope="session")
def wheels() -> dict[str, Path]:
    """The folders of wheels; where they cannot be had the test is skipped, and fails in CI."""
    try:
        return needed()
    except BuildError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"run `make wheels`: {error}")
        pytest.skip(f"run `make wheels`: {error}")


@pytest.fixture(scope="session")
def package(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, for this machine."""
    folder = tmp_path_factory.mktemp("package") / "lambda"
    build(folder, wheels["package"], MACHINE, python())
    return folder


@pytest.fixture(scope="session")
def runtime_client(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with awslambdaric."""
    folder = tmp_path_factory.mktemp("runtime") / "client"
    install(folder, wheels["runtime client"], MACHINE, python(), RUNTIME_CLIENT_LOCK)
    return folder
