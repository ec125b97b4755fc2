"""Quiet days and cuts by the thousand.

    python -m simulation.source.report --days 1000 --cuts 1000

It exits with 1 if a quiet day raises anything, or a cut is named late.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metering.source.gap import Gap
from metering.source.state import SourceState
from simulation.source.cuts import WARMED_UP, CutKind, Named, SourceCut, run_cut, watched
from simulation.source.days import DAY, SourceDays
from simulation.worker_pool import worker_pool

DAYS_OF_A_SEED = 20
FURTHER_KINDS = (CutKind.SOCKETS_SILENT, CutKind.NOT_COUNTED, CutKind.SKIPPED)
"""Drawn by themselves, a third as many, so that the others are what they always were."""
_TRIES = 5
_WATCHED_FOR = 8 * 60
"""Minutes after a cut."""


class SeedResult(NamedTuple):
    """What a seed's days came to."""

    seed: int
    days: int
    gaps: tuple[Gap, ...]
    """Found though nothing was cut."""
    cuts: list[Named]


def run_seed(seed: int, days: int, cuts: int) -> SeedResult:
    """Watch the days of a seed without a cut, then this many cuts of each kind, each on the same days."""
    world, states = SourceDays(seed, days * DAY), {}
    last = SourceState()
    for minute, last in watched(world, SourceState(), range(days * DAY)):
        if WARMED_UP <= minute < WARMED_UP + DAY:
            states[minute] = last
    return SeedResult(seed, days, last.gaps, list(_cuts(world, states, cuts)))


def _cuts(world: SourceDays, states: dict[int, SourceState], cuts: int) -> Iterator[Named]:
    """Cuts of each kind that lost something, at any time of a day; of another kind where there is too
    little to lose.
    """
    drawn = random.Random(world.seed)
    yield from _drawn(world, states, drawn, cuts, [kind for kind in CutKind if kind not in FURTHER_KINDS])
    drawn = random.Random(world.seed + 10**9)
    yield from _drawn(world, states, drawn, -(-cuts // 3), FURTHER_KINDS)


def _drawn(
    world: SourceDays,
    states: dict[int, SourceState],
    drawn: random.Random,
    cuts: int,
    kinds: Sequence[CutKind],
) -> Iterator[Named]:
    for number in range(cuts):
        for attempt in range(_TRIES * len(kinds)):
            kind = kinds[(number + world.seed + attempt // _TRIES) % len(kinds)]
            cut = SourceCut(kind, WARMED_UP + 10 + drawn.randrange(DAY - 10))
            begin = max(minute for minute in states if minute < cut.minute)
            end = min(world.length, cut.minute + _WATCHED_FOR)
            found = run_cut(world, states[begin], range(begin + 1, end), cut)
            if found.visible is not None:
                yield found
                break


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser("python -m simulation.source.report", description=__doc__)
    parser.add_argument("--days", type=int, default=1_000, metavar="N", help="quiet days (default: 1,000)")
    parser.add_argument("--cuts", type=int, default=1_000, metavar="N", help="cuts (default: 1,000)")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first seed (default: 1)")
    options = parser.parse_args()
    began = time.monotonic()
    seeds = -(-options.days // DAYS_OF_A_SEED)
    share = -(-options.cuts // seeds)
    with worker_pool() as pool:
        jobs = [
            pool.submit(run_seed, seed, DAYS_OF_A_SEED, share)
            for seed in range(options.first, options.first + seeds)
        ]
        results = [job.result() for job in jobs]
    print_table(results)
    print(f"{'seconds':48}{time.monotonic() - began:>10,.0f}")
    cuts = [cut for result in results for cut in result.cuts]
    return int(any(result.gaps for result in results) or not all(cut.is_in_time for cut in cuts))


def print_table(results: list[SeedResult]) -> None:
    """What was found, kind by kind."""
    for result in results:
        for gap in result.gaps:
            print(f"seed {result.seed}: found without a cut: {gap.sentence}")
    print(f"{'quiet days':48}{sum(result.days for result in results):>10,}")
    print(f"{'gaps found without a cut':48}{sum(len(result.gaps) for result in results):>10,}")
    cuts = [(result.seed, cut) for result in results for cut in result.cuts]
    for seed, cut in cuts:
        if not cut.is_in_time:
            print(f"seed {seed}: named late: {cut}")
    print(f"{'cuts':48}{len(cuts):>10,}{'late':>8}{'median':>8}{'longest':>9}  (minutes)")
    for kind in CutKind:
        of_kind = [cut for _, cut in cuts if cut.cut.kind is kind]
        waits = [cut.waited for cut in of_kind if cut.waited is not None]
        late = sum(not cut.is_in_time for cut in of_kind)
        if waits:
            print(
                f"{kind.value:48}{len(of_kind):>10,}{late:>8,}{statistics.median(waits):>8.0f}{max(waits):>9,}"
            )


if __name__ == "__main__":
    sys.exit(main())
