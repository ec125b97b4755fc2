"""The tree of errors."""

from __future__ import annotations

import pytest

from metering.errors import Malformed, MeterError, Misconfigured, Transient, Undecodable


@pytest.mark.parametrize("error", [Malformed("why", "not JSON"), Undecodable("why"), Transient("why")])
def test_every_error_is_the_meters_own(error: MeterError) -> None:
    """One branch for each thing that the caller must do, and none within another."""
    assert (MeterError,) == type(error).__bases__
    assert "why" == str(error)


def test_misconfigured_names_all_faults_together() -> None:
    """In one text for people, and one by one."""
    error = Misconfigured(["A is missing", "B is no number"])
    assert ("A is missing", "B is no number") == error.faults
    assert "A is missing; B is no number" == str(error)
    assert isinstance(error, MeterError)
