"""The four outcomes and the keys they are counted under."""

from __future__ import annotations

import pytest

from metering.outcome import Outcome, outcome_of_key


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
