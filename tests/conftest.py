"""What holds for every test, as that nothing depends on how fast the machine is, and what many share."""

import gc
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import examples

settings.register_profile(
    "any machine", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
"""How long an example takes depends on the machine, and says nothing of what is right."""


OBJECTS: Final = 50_000
"""So many new objects until the garbage collector looks at them. Python itself lets 700 come: most of what is
looked at then is alive, which took a tenth of all processor time.
"""


def pytest_sessionstart() -> None:
    """Collecting tests makes objects that stay: there is no garbage to look for."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays until the end: the garbage collector need not look at it each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS)
    gc.enable()


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of moto, which serves one request at a time."""
    from local_cloud.endpoint.server import LocalEndpoint  # noqa: PLC0415 - slow to load, and few tests need it

    with LocalEndpoint() as running:
        yield running.endpoint_url
