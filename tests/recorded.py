"""Lambda's events as AWS sent them, which lie beside the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "shared/data/aws-events"


def recorded(name: str) -> Any:
    """An event as AWS sent it; where the recordings are missing the test is skipped."""
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"no recorded events of AWS in {_FOLDER}")
    return json.loads(path.read_text())
