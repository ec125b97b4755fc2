"""How many examples a property test draws: all of them in `make check`, a quarter in `make test`.

Hypothesis draws others on every run, so that a quarter of them, each time somebody runs the tests, adds up to
many. CI, and whoever names a test, gets them all at once.

    HYPOTHESIS_PROFILE=quick pytest ...     # a quarter
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

QUICK = "quick"
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "full")
SHARE = 4


def examples(full: int, profile: str = PROFILE) -> int:
    """The number of examples of a test that draws `full` of them where time does not count."""
    return max(1, full // SHARE) if profile == QUICK else full


def sampled(values: Iterable[Any], quick: int) -> list[Any]:
    """Parameters of one kind, of which a few show what all show: the first few for everybody who runs the
    tests, the others exhaustive.
    """
    return [
        value if place < quick else pytest.param(value, marks=pytest.mark.exhaustive)
        for place, value in enumerate(values)
    ]
