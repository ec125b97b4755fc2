"""The lines that a local cloud prints for another terminal, and for a browser."""

import json
import re
import urllib.request
from typing import Any

import pytest


def use(shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what they say: set the variables of every `export` line."""
    for line in shown.splitlines():
        if line.strip().startswith("export "):
            name, _, value = line.strip().removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)


def address_of(shown: str) -> str:
    """The address of the dashboard."""
    found = re.search(r"dashboard is at\s+(http://127\.0\.0\.1:\d+/)", shown)
    assert found is not None
    return found.group(1)


def shown_at(address: str, key: str, month: str = "") -> int:
    """The requests of a key in a month, or in the current one, as the dashboard gets them."""
    place = f"{address}keys/{key}/usage{f'/{month}' if month else ''}"
    return int(json_at(place)["totals"]["requests"])


def json_at(address: str) -> Any:
    """What is there."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        return json.load(answer)
