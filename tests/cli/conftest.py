"""What the tests of the command share."""

import os

import pytest


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command may change the environment of its process; here it gets one of its own, without AWS."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name not in {"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    }
    monkeypatch.setattr(os, "environ", variables)
