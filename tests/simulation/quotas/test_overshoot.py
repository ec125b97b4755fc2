"""Limits under load and accidents: reserved ones are never exceeded, counted ones by what is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest

from metering.quotas.plan import Mode
from quota_authorizer import leases
from simulation.exploration.quotas.broken import NoRoom
from simulation.plot import Curve
from simulation.quotas import report
from simulation.quotas.overshoot import Measured, Scenario, run, steady
from simulation.quotas.report import described, overshoot_at, summary, table
from tests.examples import examples

SEEDS = range(examples(100))
SEEDS_TO_CATCH = 60


@cache
def shipped(seed: int) -> Measured:
    """What becomes of a reserved limit in a seed."""
    return run(Scenario.drawn(seed, Mode.RESERVED))


def is_exceeded(seeds: Iterable[int]) -> bool:
    """Whether a seed shows more calls than the limit, with what is broken at the time."""
    return any(run(Scenario.drawn(seed, Mode.RESERVED)).overshoot for seed in seeds)


class TestReserved:
    def test_never_exceeded(self) -> None:
        """Whatever happens: bursts, late counters, authorizers that end, answers that are lost."""
        assert [] == [seed for seed in SEEDS if shipped(seed).overshoot]

    def test_given_up(self) -> None:
        """Nor while calls lie in batches that Lambda gave up, which no counter holds."""
        measured = [run(Scenario.with_failures(seed)) for seed in SEEDS]
        assert [] == [one.scenario.seed for one in measured if one.overshoot]
        shares = [one.undershoot / one.scenario.amount for one in measured if one.scenario.amount >= 60]
        assert max(shares) <= 0.25
        assert sum(shares) / len(shares) <= 0.03

    def test_account(self) -> None:
        """Nor is the limit of an account exceeded, whichever of its keys the calls are made with; of larger
        limits as little stays unused.
        """
        measured = [run(Scenario.of_account(seed, Mode.RESERVED)) for seed in SEEDS]
        assert [] == [one.scenario.seed for one in measured if one.overshoot]
        shares = [one.undershoot / one.scenario.amount for one in measured if one.scenario.amount >= 60]
        assert max(shares) <= 0.25
        assert sum(shares) / len(shares) <= 0.02
        assert {2, 3, 20} == {one.scenario.keys_of_account for one in measured}

    def test_account_by_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An authorizer that forgets the account lets each of its keys use the limit up: that is seen."""
        monkeypatch.setattr("quota_authorizer.decision.QuotaDecider._account", lambda *_: None)
        seeds = range(SEEDS_TO_CATCH)
        assert any(run(Scenario.of_account(seed, Mode.RESERVED)).overshoot for seed in seeds)

    def test_little_unused(self) -> None:
        """Without accidents all of the limit can be used; with them most of it."""
        calm = [
            replace(Scenario.drawn(seed, Mode.RESERVED), crashes=0, lost_answers=0.0, load=10.0)
            for seed in SEEDS
        ]
        unused = [run(scenario).undershoot / scenario.amount for scenario in calm if scenario.amount >= 60]
        assert max(unused) <= 0.05
        stormy = [shipped(seed) for seed in SEEDS]
        shares = [one.undershoot / one.scenario.amount for one in stormy if one.scenario.amount >= 60]
        assert max(shares) <= 0.25
        assert sum(shares) / len(shares) <= 0.02


class TestCounted:
    @pytest.mark.parametrize("lag", [0.0, 20.0, 60.0])
    def test_as_far_as_the_lag(self, lag: float) -> None:
        """A counted limit is exceeded by what comes within the lag, a batch and the age of the cache, and not
        by more.
        """
        load, hour = 10.0, 3600
        measured = run(steady(Mode.COUNTED, lag, load))
        rate = load * measured.scenario.amount / hour
        assert measured.overshoot <= rate * (lag + 5 + 5 + 1)
        assert measured.overshoot >= rate * lag / 2


class TestTeeth:
    """The simulation sees what is broken."""

    def test_no_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leases that are granted without looking at what is left."""
        monkeypatch.setattr("simulation.quotas.overshoot.LeasesInMemory", NoRoom)
        assert is_exceeded(range(SEEDS_TO_CATCH))

    def test_expired_leases_spent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leases that are returned and spent on."""
        monkeypatch.setattr(leases._Reservation, "drop", lambda _self: None)  # noqa: SLF001 - a broken variant
        monkeypatch.setattr(
            leases._Reservation,  # noqa: SLF001 - as above
            "covers",
            lambda self, period, _now: self.left > 0 and period == self.period,
        )
        assert is_exceeded(range(SEEDS_TO_CATCH * 2))

    def test_settled_too_early(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leases of ended authorizers that come back while their calls are still on the way."""
        monkeypatch.setattr(leases.LeaseBook.__init__, "__kwdefaults__", {
            "lease_seconds": 10, "retry_seconds": 5.0, "settle_seconds": -120,
        })  # fmt: skip
        assert is_exceeded(range(SEEDS_TO_CATCH * 3))

    def test_given_up_is_settled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Units that come back by `complete_through`, which goes past what was given up."""
        monkeypatch.setattr(
            "simulation.quotas.overshoot._World.settled_through",
            lambda world: world.counted_through(world.now),
        )
        assert any(run(Scenario.with_failures(seed)).overshoot for seed in range(SEEDS_TO_CATCH))


class TestReport:
    def test_summary(self) -> None:
        """What many seeds came to, in a sentence."""
        text = described(summary(Mode.RESERVED, [shipped(seed) for seed in range(10)]))
        assert text.startswith("reserved: 10 seeds, ")
        assert "limit exceeded in 0 seeds" in text

    def test_curves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """More lag, more overshoot; a reserved limit has none."""
        monkeypatch.setattr(report, "RUNS", examples(report.RUNS))
        assert overshoot_at(Mode.COUNTED, 0, 10) < overshoot_at(Mode.COUNTED, 30, 10)
        assert overshoot_at(Mode.RESERVED, 30, 10) == 0

    def test_table(self) -> None:
        """A row a curve, a column a lag."""
        points = [(lag, lag / 10) for lag in (0, 5, 10, 20, 30, 40, 50, 60)]
        head, row = table([Curve("counted", points)]).splitlines()
        assert (head.split()[-1], row.split()) == (
            "60s",
            ["counted", "0.00%", "0.50%", "1.00%", "2.00%", "3.00%", "4.00%", "5.00%", "6.00%"],
        )
