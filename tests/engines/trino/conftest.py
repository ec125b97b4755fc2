"""Trino, of which Athena is made, for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.trino.server import Trino, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests to `make trino`, which brings the server."""
    if os.environ.get("USAGE_METER_TRINO") == "true":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip("Trino: run `make trino`"))


@pytest.fixture(scope="session")
def trino(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trino]:
    """One server for all tests: it starts in 12 seconds on a quiet machine."""
    with running(tmp_path_factory.mktemp("trino")) as server:
        yield server
