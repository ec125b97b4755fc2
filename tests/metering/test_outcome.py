"""The four outcomes and the keys they are counted under."""

from __future__ import annotations

import pytest

from metering.outcome import OUTCOME_OF_KEY, Outcome, is_reserved, outcome_of_key


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ("d0e96b5f16", Outcome.METERED),
        ("-", Outcome.UNATTRIBUTED),
        ("!malformed", Outcome.MALFORMED),
        ("!undecodable", Outcome.UNDECODABLE),
    ],
)
def test_outcome_of_key(key: str, outcome: Outcome) -> None:
    """Every key but the reserved ones is a customer's."""
    assert outcome == outcome_of_key(key)


def test_names() -> None:
    """They are written to the lake and to metrics: they never change."""
    assert ["metered", "unattributed", "malformed", "undecodable"] == [str(outcome) for outcome in Outcome]


@pytest.mark.parametrize(
    ("key", "reserved"),
    [*((key, True) for key in OUTCOME_OF_KEY), ("!later", True), ("a-1", False), ("--", False), ("", False)],
)
def test_reserved(key: str, reserved: bool) -> None:
    """The keys of calls without one, and what later versions may add to them; no other text."""
    assert reserved is is_reserved(key)
