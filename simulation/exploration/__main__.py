"""Every schedule of small worlds: the shipped code under each order of its writes and of faults.

Families whose names begin with `quotas` are of limits, with `thresholds` of what is published of them, with
`watch` of `complete_through`, with `arrivals` of what log groups bring, with `streams` of a stream that is
made again, with `settings` of layouts that change and lines that are old, with `month-end` of repairs,
restores and closings, the others of the stream processor.

    python -m simulation.exploration                       # all families, on all processors
    python -m simulation.exploration --short               # what CI runs: under two minutes
    python -m simulation.exploration --family square
    python -m simulation.exploration --story no-condition  # how a broken meter counts wrong, step by step

What is finished is kept in `build/exploration.json`: a run that was stopped goes on where it was, until the
code changes. It exits with 1 if a promise is broken anywhere, and prints the shortest way to it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from simulation.exploration.broken import MOST_STEPS
from simulation.exploration.families import FAMILIES, SHORT
from simulation.exploration.runs import Kept, WorldExplored, run, total_states
from simulation.exploration.stories import STORIES

_KEPT = Path("build/exploration.json")


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    if options.story is not None:
        return _print_story(options.story)
    return _explore(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulation.exploration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="only what takes less than two minutes")
    parser.add_argument(
        "--family", choices=FAMILIES, action="append", help="only this family; may be repeated"
    )
    parser.add_argument("--workers", type=int, help="processes; one for each processor if not given")
    parser.add_argument("--kept", type=Path, default=_KEPT, help="where results are kept")
    parser.add_argument("--anew", action="store_true", help="forget what is kept")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--story", choices=STORIES, help="the shortest fault of a broken meter")
    return parser


def _print_story(name: str) -> int:
    found = STORIES[name]()
    print(found or f"Nothing found within {MOST_STEPS} steps.")
    return int(found is None)


def _explore(options: argparse.Namespace) -> int:
    names = options.family or (SHORT if options.short else tuple(FAMILIES))
    families = [FAMILIES[name] for name in names]
    if options.anew:
        options.kept.unlink(missing_ok=True)
    count, began = sum(len(family.worlds) for family in families), time.monotonic()
    results: list[WorldExplored] = []
    for result in run(families, Kept(options.kept), options.workers):
        results.append(result)
        if not options.json:
            _print_progress(result, results, count, time.monotonic() - began)
    broken = [result for result in results if result.story is not None]
    if options.json:
        print(json.dumps([result._asdict() for result in results]))
    else:
        _print_summary(names, results, broken)
    return int(bool(broken))


def _print_progress(result: WorldExplored, results: list[WorldExplored], count: int, seconds: float) -> None:
    print(
        f"{len(results):4} of {count} worlds, {seconds:5.0f} s, {total_states(results):11,} states: "
        f"{result.world}, {result.faults} faults: {result.states:,} states, {result.depth} steps deep",
        file=sys.stderr,
        flush=True,
    )


def _print_summary(names: tuple[str, ...], results: list[WorldExplored], broken: list[WorldExplored]) -> None:
    print(f"\n{'family':<16}{'worlds':>7}{'states':>13}{'deepest':>9}  what it is")
    for name in names:
        found = [result for result in results if result.family == name]
        deepest = max(result.depth for result in found)
        print(f"{name:<16}{len(found):>7}{total_states(found):>13,}{deepest:>9}  {FAMILIES[name].meaning}")
    print(f"\n{total_states(results):,} distinct states, {len(broken)} worlds with a broken promise")
    for result in broken:
        print(f"\n{result.story}")


if __name__ == "__main__":
    sys.exit(main())
