"""The traffic and the settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metering.cost.workload import SECONDS_OF_MONTH, Workload

BUSY = Workload(1000 * SECONDS_OF_MONTH, 100)


class TestWorkload:
    def test_rate(self) -> None:
        """Calls of a month of 730 hours, by the second."""
        assert 1000 == BUSY.rate

    def test_deliveries(self) -> None:
        """A busy log fills its deliveries, a quiet one has a line in each; a given number is taken."""
        assert 500 == BUSY.lines_per_delivery
        assert 2 == BUSY.deliveries_per_second
        assert 1 == Workload(1000, 10).lines_per_delivery
        assert 20 == replace(BUSY, calls_per_delivery=20).lines_per_delivery

    def test_at_peak(self) -> None:
        """The busiest hour, as if it lasted a month; it has no busier hour within."""
        peak = replace(BUSY, peak=3.0).at_peak()
        assert (3000, 1) == (peak.rate, peak.peak)

    def test_part(self) -> None:
        """Meters share the calls, not the keys."""
        part = BUSY.part(4)
        assert (250, 100) == (part.rate, part.keys)
        assert 1 == Workload(2, 1).part(100).calls_per_month

    @pytest.mark.parametrize(
        ("change", "reported"),
        [
            ({"calls_per_month": 0}, "calls_per_month is 0: it must be 1 or more"),
            ({"keys": -1}, "keys is -1"),
            ({"window_seconds": 0}, "window_seconds is 0"),
            ({"shards": 0}, "shards is 0"),
            ({"calls_per_delivery": 0.5}, "calls_per_delivery is 0.5"),
            ({"peak": 0.5}, "peak is 0.5"),
            ({"tail": -1.0}, "tail is -1.0"),
        ],
    )
    def test_refused(self, change: dict[str, float], reported: str) -> None:
        """A value with which nothing can be estimated is named."""
        with pytest.raises(ValueError, match=reported):
            replace(BUSY, **change)  # type: ignore[arg-type] # that is what is tested
