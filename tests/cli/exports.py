"""The lines that a local cloud prints for another terminal."""

import pytest


def use(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what they say: set the variables of every `export` line."""
    for line in told.splitlines():
        if line.strip().startswith("export "):
            name, _, value = line.strip().removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)
