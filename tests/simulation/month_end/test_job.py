"""What the operator's tools run one after the other."""

from __future__ import annotations

import pytest

from simulation.month_end.job import InTurn


def test_in_turn() -> None:
    """What is submitted is done when the next thing is; whoever asks for a result gets the error too."""
    done: list[int] = []
    with InTurn() as pool:
        first, second = pool.submit(done.append, 1), pool.submit(int, "no number")
        assert [1] == done
        assert first.result() is None
        with pytest.raises(ValueError, match="no number"):
            second.result()
