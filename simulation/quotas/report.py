"""The two modes of limits, measured: in accidents that seeds draw, and as a function of the counters' lag.

    python -m simulation.quotas.report --seeds 1000 --plot docs/quotas.svg

The exit code is 1 if a reserved limit was exceeded in any seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from metering.quotas.plan import Mode
from simulation.plot import Curve, line_chart
from simulation.quotas.overshoot import Measured, Scenario, run, steady
from simulation.worker_pool import worker_pool

LAGS: Final = (0, 5, 10, 20, 30, 40, 50, 60)
LOADS: Final = (1.5, 3.0, 10.0)
NOT_TINY: Final = 60
"""Of smaller limits a single call is a large share."""
RUNS: Final = 5
"""Hours over which a point of the curves is the mean."""


class QuotaSummary(NamedTuple):
    """What the accidents of many seeds came to, in one mode."""

    mode: Mode
    seeds: int
    calls: int
    exceeded: int
    """Seeds in which more calls were let through than the limit."""
    overshoot: float
    """The largest, as a share of the limit, of limits that are not tiny; so are the next two."""
    unused: float
    """The largest share of the limit that was denied although it was there."""
    unused_mean: float


def accident(place: tuple[int, Mode]) -> Measured:
    """An hour of accidents, drawn from a seed."""
    return run(Scenario.drawn(*place))


def accident_of_account(place: tuple[int, Mode]) -> Measured:
    """The same hour, with the limit of an account and the calls spread over its keys."""
    return run(Scenario.of_account(*place))


def accident_with_failures(place: tuple[int, Mode]) -> Measured:
    """An hour with a reserved limit in which batches are given up."""
    return run(Scenario.with_failures(place[0]))


def summary(mode: Mode, measured: Sequence[Measured]) -> QuotaSummary:
    """What several hours came to."""
    larger = [one for one in measured if one.scenario.amount >= NOT_TINY]
    unused = [one.undershoot / one.scenario.amount for one in larger]
    return QuotaSummary(
        mode,
        len(measured),
        sum(one.calls for one in measured),
        sum(one.overshoot > 0 for one in measured),
        max(one.overshoot / one.scenario.amount for one in larger),
        max(unused),
        sum(unused) / len(unused),
    )


def overshoot_at(mode: Mode, lag_seconds: float, load: float) -> float:
    """The mean overshoot of an even load, as a percentage of the limit."""
    hours = [run(steady(mode, lag_seconds, load, seed)) for seed in range(RUNS)]
    return 100 * sum(hour.overshoot / hour.scenario.amount for hour in hours) / RUNS


def curves() -> list[Curve]:
    """Overshoot by lag: counted limits under several loads, and reserved ones under the highest."""
    counted = [
        Curve(f"counted, load {load:g} ×", [(lag, overshoot_at(Mode.COUNTED, lag, load)) for lag in LAGS])
        for load in LOADS
    ]
    highest = LOADS[-1]
    reserved = [(lag, overshoot_at(Mode.RESERVED, lag, highest)) for lag in LAGS]
    return [*counted, Curve(f"reserved, load {highest:g} ×", reserved)]


def table(lines: Iterable[Curve]) -> str:
    """The curves as text."""
    heads = "".join(f"{lag:>7}s" for lag in LAGS)
    rows = [f"{line.name:<24}" + "".join(f"{value:>7.2f}%" for _, value in line.points) for line in lines]
    return "\n".join([f"{'overshoot at a lag of':<24}{heads}", *rows])


def described(found: QuotaSummary) -> str:
    """A summary as text."""
    return (
        f"{found.mode}: {found.seeds:,} seeds, {found.calls:,} calls; limit exceeded in {found.exceeded:,} "
        f"seeds; of limits of {NOT_TINY} and more: overshoot up to {found.overshoot:.1%}, unused "
        f"{found.unused_mean:.2%} in the mean and up to {found.unused:.1%}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description="Measures how limits are kept in both modes.")
    parser.add_argument("--seeds", type=int, default=1000, help="accidents in each mode")
    parser.add_argument("--plot", type=Path, help="an SVG file to write the curves to")
    options = parser.parse_args(arguments)
    exceeded = 0
    with worker_pool() as pool:
        for whose, play, modes in (
            ("of a key", accident, tuple(Mode)),
            ("of an account", accident_of_account, tuple(Mode)),
            ("with batches given up", accident_with_failures, (Mode.RESERVED,)),
        ):
            for mode in modes:
                places = [(seed, mode) for seed in range(options.seeds)]
                found = summary(mode, list(pool.map(play, places, chunksize=10)))
                print(f"{whose}, {described(found)}", flush=True)
                exceeded += found.exceeded if mode is Mode.RESERVED else 0
    lines = curves()
    print(table(lines))
    if options.plot:
        title = "Calls beyond the limit, in percent of it, by the lag of the counters in seconds"
        options.plot.write_text(line_chart(title, lines))
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
