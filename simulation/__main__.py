"""The deterministic simulation: every fault, drawn from a seed, and an exact comparison.

Each seed is run in six worlds: `protocol` is the counting half under every fault of its writes, batches and
streams; in `changes` settings, layouts and mappings change, and lines are days old; in `streams` the stream
is deleted and made again; in `arrivals` what each log group brought is counted, too; `month-end` has the
lake, with the shipped repair and closing; in `operations` its tables are restored, and batches are begun with
other settings.

    python -m simulation --seeds 1000              # seeds 1 to 1000 of all worlds, on all processors
    python -m simulation --seed 4711               # one seed again, with its schedule
    python -m simulation --seeds 50 --world month-end
    python -m simulation --seeds 50 --variant no-condition
    python -m simulation --seeds 200 --dynamodb    # through the shipped adapters, on a DynamoDB engine that
                                                   # AWS_ENDPOINT_URL_DYNAMODB names

It exits with 1 if any counter differs from what was sent, if `complete_through` says too much, if a right
counter was made wrong, or if a month was sealed with anything but what was called.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from adapters.settings.process import external_dynamodb
from simulation.report import document, failure, schedule, table
from simulation.runs import FAILURES_KEPT, PlayedWorld, Setup, Summary, run_seeds
from simulation.worlds import PROTOCOL, WORLDS

ALL: Final = "all"
SHIPPED: Final = "shipped"
_REPORTS_EVERY_SECONDS: Final = 5


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    setup = _setup(options)
    summaries = [_run(world, options, setup) for world in _worlds(options)]
    if options.json:
        figures = {one.world.name: document(one) for one in summaries}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return int(any(one.has_failed for one in summaries))


def _worlds(options: argparse.Namespace) -> Sequence[PlayedWorld]:
    """The one that is asked for; or all that have the variant, or can be run on a DynamoDB."""
    if options.world != ALL:
        return [WORLDS[options.world]]
    if options.dynamodb:
        return [PROTOCOL]
    return [world for world in WORLDS.values() if options.variant in world.meters]


def _parser() -> argparse.ArgumentParser:
    meters = {name: meter for world in WORLDS.values() for name, meter in world.meters.items()}
    variants = "\n".join(f"  {name:22}{one.breaks}" for name, one in meters.items() if name != SHIPPED)
    parser = argparse.ArgumentParser(
        "python -m simulation",
        description=__doc__,
        epilog=f"variants, each with one rule broken:\n{variants}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="number of seeds (default: 100)")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first of them (default: 1)")
    parser.add_argument("--seed", type=int, metavar="N", help="this one only; prints its schedule")
    parser.add_argument("--variant", choices=meters, default=SHIPPED, metavar="NAME", help="a broken meter")
    parser.add_argument("--world", choices=(ALL, *WORLDS), default=ALL, help="which (default: all)")
    parser.add_argument("--dynamodb", action="store_true", help="the shipped adapters on a DynamoDB")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a processor)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _setup(options: argparse.Namespace) -> Setup:
    if not options.dynamodb:
        return Setup(options.variant)
    address = external_dynamodb()
    if address is None:
        _parser().error(
            "AWS_ENDPOINT_URL_DYNAMODB is not set: `python -m tests.dynamodb_local COMMAND` sets it to a new "
            "DynamoDB Local for a command"
        )
    return Setup(options.variant, address)


def _run(world: PlayedWorld, options: argparse.Namespace, setup: Setup) -> Summary:
    """Run the seeds of a world, and print what became of them; with the schedule of a seed that is asked for,
    or of the first that has failed.
    """
    if options.seed is None:
        seeds = range(options.first, options.first + options.seeds)
    else:
        seeds = range(options.seed, options.seed + 1)
    summary = run_seeds(world, seeds, setup, workers=options.workers, report=_progress(world, len(seeds)))
    shown = [one.seed for one in summary.failed[:1]] if options.seed is None else [options.seed]
    for seed in shown:
        print(schedule(world.run(seed, setup, True)))  # noqa: FBT003 - keeps its schedule
    for result in summary.failed:
        print(failure(result, summary, setup))
    print(table(summary))
    return summary


def _progress(world: PlayedWorld, seeds: int) -> Callable[[Summary], None]:
    """Prints every few seconds how far it is."""
    reported = time.monotonic()

    def report(summary: Summary) -> None:
        nonlocal reported
        if time.monotonic() - reported > _REPORTS_EVERY_SECONDS:
            reported = time.monotonic()
            failed = f", these with differences: {_seeds(summary)}" if summary.failed else ""
            print(f"{world.name}: {summary.runs:,} of {seeds:,} seeds{failed}", file=sys.stderr, flush=True)

    return report


def _seeds(summary: Summary) -> str:
    """The first that failed, so that a run that is ended early has named them."""
    named = ", ".join(str(one.seed) for one in summary.failed)
    return f"{named} ..." if len(summary.failed) == FAILURES_KEPT else named


if __name__ == "__main__":
    sys.exit(main())
