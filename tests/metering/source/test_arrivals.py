"""What was forwarded against what arrived in the counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from metering.source.arrivals import SLACK, ArrivalReadings, Arrived, judged, with_reading
from metering.source.flow import TwoCounts
from metering.source.gap import Gap, Way, total_missing
from metering.source.state import SourceState, with_arrivals

FIRST: Final = 29_000_160
SHARDS: Final = ("a", "b")
WATCHED: Final = ("log", "new")


def readings(
    rate: int, lost: Mapping[int, int], *, lag: Mapping[int, int] | None = None, minutes: int = 600
) -> SourceState:
    """What is known after a reading each half hour of a group that forwards so many events a minute; of those
    of a minute some are lost, and at a reading counting is some minutes behind.
    """
    state = SourceState()
    for now in range(30, minutes + 1, 30):
        through = now - (lag or {}).get(now, 1)
        counted = 1_000 + sum(rate - lost.get(minute, 0) for minute in range(through))
        flow = {(Way.FORWARDED, "log"): TwoCounts(FIRST, [0.0] * now, [float(rate)] * now)}
        arrived = Arrived(SHARDS, FIRST + through, {"log": counted})
        state = with_arrivals(state, arrived, flow, FIRST + now)
    return state


@pytest.mark.parametrize("rate", [0, 1, 1_000])
def test_quiet(rate: int) -> None:
    """Nothing is missing where all is counted, however far behind counting is for hours."""
    late = {300: 120, 330: 150, 360: 180, 390: 210, 420: 3}
    assert () == readings(rate, {}).gaps == readings(rate, {}, lag=late).gaps


def test_all_is_lost() -> None:
    """Log events that are forwarded and not counted are named within an hour, and to the event where the loss
    ends in a quiet time.
    """
    state = readings(10, dict.fromkeys(range(310, 400), 10), minutes=360)
    [gap] = state.gaps
    assert (Way.COUNTED, "log") == (gap.way, gap.place)
    assert FIRST + 270 <= gap.begin <= FIRST + 310 < gap.end < FIRST + 360
    whole = readings(10, dict.fromkeys(range(310, 400), 10))
    assert 900 - 4 * 10 * (2 * SLACK + 1) <= total_missing(whole.gaps) <= 900


def test_a_little_is_lost() -> None:
    """What is less than is forwarded in some minutes is left to the comparison with the lake."""
    assert () == readings(10, {310: 10, 311: 10}).gaps
    assert total_missing(readings(10, dict.fromkeys(range(310, 600), 1)).gaps) > 0


def test_what_comes_after_all() -> None:
    """What was missing and is counted makes the gap smaller, to nothing."""
    state = SourceState(gaps=(Gap(Way.COUNTED, "log", FIRST, FIRST + 10, 500),))
    flow = {(Way.FORWARDED, "log"): TwoCounts(FIRST, [0.0] * 100, [0.0] * 100)}
    for now, counted in ((10, 1_000), (40, 1_000), (70, 1_400), (100, 1_500)):
        state = with_arrivals(state, Arrived(SHARDS, FIRST + now - 1, {"log": counted}), flow, FIRST + now)
    assert () == state.gaps


class TestReadings:
    """When readings are comparable."""

    @pytest.mark.parametrize(
        "then",
        [
            None,
            Arrived(("a", "c"), FIRST + 89, {"log": 2_000}),
            Arrived(SHARDS, FIRST + 89, {"log": 900}),
        ],
    )
    def test_reset(self, then: Arrived | None) -> None:
        """Not after a restore, nor where a shard is gone with its counts, nor where there is less than
        before.
        """
        known = ArrivalReadings()
        for now in (30, 60):
            known = with_reading(
                known, Arrived(SHARDS, FIRST + now - 1, {"log": 1_000}), WATCHED, FIRST + now
            )
        assert [{}, {"log": 1_000}] == [one.events for one in known.samples]
        assert len(with_reading(known, then, WATCHED, FIRST + 90).samples) == (0 if then is None else 1)

    @pytest.mark.parametrize("through", [None, FIRST + 91])
    def test_unknown(self, through: int | None) -> None:
        """A reading counts for nothing where it is not known up to when it has everything, or where the clock
        of the stream is ahead; those before it stay.
        """
        known = with_reading(ArrivalReadings(), Arrived(SHARDS, FIRST + 59, {"log": 1}), WATCHED, FIRST + 60)
        after = with_reading(known, Arrived(SHARDS, through, {"log": 2}), WATCHED, FIRST + 90)
        assert known.samples == after.samples

    def test_a_group_that_is_new(self) -> None:
        """The first reading of a group is not compared: some shards may not have counted it yet. Old readings
        are forgotten.
        """
        known = ArrivalReadings()
        for now in range(0, 3_000, 30):
            events = {"log": 10 * now, **({"new": now} if now >= 2_900 else {})}
            known = with_reading(known, Arrived(SHARDS, FIRST + now - 1, events), WATCHED, FIRST + now)
        assert len(known.samples) == 1_440 // 30
        assert [False, False, True, True] == ["new" in one.events for one in known.samples[-4:]]
        assert known == judged(known, [])

    def test_names_that_nobody_watches(self) -> None:
        """Whoever puts records into the stream makes no reading longer, and no comparison begin again."""
        known = ArrivalReadings()
        for now in (30, 60, 90):
            made_up = {f"made-up-{number}": now for number in range(100)}
            arrived = Arrived(SHARDS, FIRST + now - 1, {"log": now, **(made_up if now < 90 else {})})
            known = with_reading(known, arrived, WATCHED, FIRST + now)
        assert [{}, {"log": 60}, {"log": 90}] == [one.events for one in known.samples]
