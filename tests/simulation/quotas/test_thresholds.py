"""Thresholds under faults: none is missing, none is reported under two ids, and without faults none twice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from simulation.protocol.faults import NO_FAULTS
from simulation.protocol.world import World
from simulation.quotas.broken_watches import BROKEN_FOR_KEYS, ONE_KEY, ThresholdMeter
from simulation.quotas.thresholds import ACCOUNT, NotifyingMeter
from stream_processor.thresholds import LimitWatch

CAUGHT_AT = {"thresholds-not-kept": 37}
"""A seed that shows what is broken, where the first does not."""


def seeds(quick: int, all_of_them: int) -> list[Any]:
    """The first for everybody who runs the tests, the others exhaustive."""
    others = (pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(quick, all_of_them))
    return [*range(quick), *others]


def play(seed: int, kind: type[LimitWatch] = LimitWatch, account: str = "", **fixed: Any) -> NotifyingMeter:
    """A world of a seed, until everything is counted and reported."""
    meter = NotifyingMeter(kind, account)
    result = World(seed, meter.meter(), **fixed).run()
    assert [] == result.differences
    meter.finish()
    return meter


@cache
def shipped(seed: int) -> tuple[set[str], Mapping[str, int]]:
    """What the shipped watch should publish in a seed, and how often it publishes each."""
    meter = play(seed)
    return meter.expected(), dict(meter.published.events)


class TestFaults:
    @pytest.mark.parametrize("seed", seeds(30, 150))
    def test_each_is_published(self, seed: int) -> None:
        """Exactly the thresholds that the counters have reached are reported, each under its one id."""
        expected, events = shipped(seed)
        assert expected == set(events)

    def test_something_happens(self) -> None:
        """The worlds reach thresholds, and faults make some be reported again."""
        worlds = [events for _, events in map(shipped, range(30))]
        assert sum(len(events) for events in worlds) > 300
        assert any(count > 1 for events in worlds for count in events.values())


class TestAccounts:
    """The keys of a world belong to one account, whose limits hold for all of them together."""

    @pytest.mark.parametrize("seed", seeds(10, 20))
    def test_each_is_published(self, seed: int) -> None:
        """Exactly the thresholds that the account and its keys have reached are reported, whatever fails."""
        meter = play(seed, account=ACCOUNT)
        assert meter.expected() == set(meter.published.events)

    def test_once(self) -> None:
        """Without faults each once, those of the account too."""
        for seed in range(3):
            meter = play(seed, account=ACCOUNT, rates=NO_FAULTS)
            assert dict.fromkeys(meter.expected(), 1) == dict(meter.published.events)
            assert len(meter.expected()) > len(play(seed, rates=NO_FAULTS).expected())

    def test_a_watch_of_this_batch_only(self) -> None:
        """One that takes what a batch counts for all that the account has used is caught."""
        assert any(not _is_right(play(seed, ONE_KEY.watch, ACCOUNT)) for seed in range(20))


class TestNoFaults:
    @pytest.mark.parametrize("seed", seeds(10, 40))
    def test_once(self, seed: int) -> None:
        """Each threshold is reported once."""
        meter = play(seed, rates=NO_FAULTS)
        assert dict.fromkeys(meter.expected(), 1) == dict(meter.published.events)


class TestTeeth:
    @pytest.mark.parametrize("meter", BROKEN_FOR_KEYS, ids=lambda meter: meter.name)
    def test_broken_watch(self, meter: ThresholdMeter) -> None:
        """A watch that is broken in one point is caught."""
        seeds = dict.fromkeys((CAUGHT_AT.get(meter.name, 0), *range(100)))
        assert any(not _is_right(play(seed, meter.watch)) for seed in seeds)


def _is_right(meter: NotifyingMeter) -> bool:
    return meter.expected() == set(meter.published.events)
