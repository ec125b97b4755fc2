"""What holds for every test: nothing depends on how fast the machine is."""

import gc

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import examples

settings.register_profile(
    "any machine", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
"""How long an example takes depends on the machine, and says nothing of what is right."""


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays until the end: the garbage collector need not look at it each time."""
    gc.collect()
    gc.freeze()
