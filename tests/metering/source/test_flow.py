"""Two counts of the same events: what is on its way, and what is lost."""

from __future__ import annotations

import pytest

from metering.source.flow import SILENCE, WINDOW, Balance, TwoCounts

START = 29_000_160


def balance(sent: list[float], taken: list[float]) -> Balance:
    """Two counts up to their end."""
    counts = TwoCounts(START, sent, taken)
    return Balance(counts, counts.end)


class TestChange:
    def test_nothing_is_missing(self) -> None:
        """What comes a minute later is on its way, and what varies with the rate is no loss."""
        sent = [10.0 + minute // 10 for minute in range(240)]
        found = balance(sent, [0.0, *sent[:-1]]).change(START + WINDOW)
        assert found.missing == pytest.approx(0, abs=1.5)
        assert sum(sent[WINDOW:]) == found.sent

    def test_a_loss_stays(self) -> None:
        """What was lost once is missing at every later time, to the event."""
        sent = [10.0] * 240
        taken = [10.0] * 240
        taken[100] = 3.0
        assert balance(sent, taken).change(START + WINDOW).missing == 7
        assert balance(sent, taken).change(START + 150).missing == 0

    def test_what_was_held_comes(self) -> None:
        """A delivery that is held, now, is not missing yet; what came after all is negative."""
        sent = [10.0] * 240
        held = [10.0] * 230 + [0.0] + [10.0] * 9
        assert balance(sent, held).change(START + WINDOW).missing == 0
        taken = [10.0] * 40 + [0.0] * 80 + [10.0] * 40 + [810.0] + [10.0] * 79
        assert balance(sent, taken).change(START + 150).missing == -800
        assert balance(sent, taken).fallen().missing == -800


def test_onset() -> None:
    """From when on it may be missing: within half an hour before the first loss."""
    sent, taken = [10.0] * 480, [10.0] * 300 + [9.0] * 180
    found = balance(sent, taken)
    onset = found.onset(START + WINDOW, found.change(START + WINDOW).missing)
    assert START + 300 - 2 * WINDOW <= onset <= START + 300


def test_silence() -> None:
    """Events since any was taken count once that is a while ago, and those since a minute only."""
    sent = [1.0] * 120
    assert balance(sent, [1.0] * (120 - SILENCE) + [0.0] * SILENCE).silence(START).sent == SILENCE
    assert balance(sent, [1.0] * 110 + [0.0] * 10).silence(START).sent == 0
    assert balance(sent, [1.0] * 60 + [0.0] * 60).silence(START + 100) == (START + 100, 20)
