"""The deterministic simulation of the counting half: every fault, drawn from a seed, and an exact comparison.

    python -m simulation --seeds 1000              # seeds 1 to 1000, on all processors
    python -m simulation --seed 4711               # one seed again, with its schedule
    python -m simulation --seeds 50 --variant no-condition
    python -m simulation --seeds 200 --dynamodb    # through the shipped adapters, on a DynamoDB engine that
                                                   # AWS_ENDPOINT_URL_DYNAMODB names

It exits with 1 if any counter differs from what was sent, or if `complete_through` says too much.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from adapters.settings import external_dynamodb
from simulation.protocol.broken_meters import BROKEN, METERS
from simulation.protocol.broken_watches import BROKEN_WATCHES
from simulation.protocol.faults import Fault
from simulation.protocol.runs import Setup, Summary, run_seed, run_seeds
from simulation.protocol.world import WorldResult

_TELL_EVERY_SECONDS = 5
_LINES_OF_A_SCHEDULE = 400
_COUNTERS_TOLD = 10
_EVENTS_ON_DYNAMODB = 30


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    setup = _setup(options)
    summary = _one(options.seed, setup) if options.seed is not None else _many(options, setup)
    if options.json:
        options.json.write_text(json.dumps(_document(summary), indent=2) + "\n")
    _print_table(summary)
    return int(summary.differing > 0 or summary.untrue > 0)


def _parser() -> argparse.ArgumentParser:
    variants = "\n".join(f"  {meter.name:22}{meter.breaks}" for meter in (*BROKEN, *BROKEN_WATCHES))
    parser = argparse.ArgumentParser(
        "python -m simulation",
        description=__doc__,
        epilog=f"variants, each with one rule broken:\n{variants}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="so many seeds (default: 100)")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first of them (default: 1)")
    parser.add_argument("--seed", type=int, metavar="N", help="this one only; prints its schedule")
    parser.add_argument("--variant", choices=METERS, default="shipped", metavar="NAME", help="a broken meter")
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
    return Setup(options.variant, address, {"events": _EVENTS_ON_DYNAMODB})


def _one(seed: int, setup: Setup) -> Summary:
    summary, began = Summary(), time.monotonic()
    result = run_seed(seed, setup, keep_schedule=True)
    summary.add(result)
    summary.seconds = time.monotonic() - began
    _print_schedule(result)
    _print_differences(result)
    return summary


def _many(options: argparse.Namespace, setup: Setup) -> Summary:
    told = time.monotonic()

    def tell(summary: Summary) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY_SECONDS:
            told = time.monotonic()
            differing = f", {summary.differing} with differences" if summary.differing else ""
            print(f"{summary.runs:,} of {options.seeds:,} seeds{differing}", file=sys.stderr, flush=True)

    summary = run_seeds(options.first, options.seeds, setup, workers=options.workers, tell=tell)
    if summary.failed:
        worst = summary.failed[0]
        _print_schedule(run_seed(worst.seed, setup, keep_schedule=True))
    for result in summary.failed:
        _print_differences(result)
        print(_how_to_repeat(result.seed, options))
    return summary


def _how_to_repeat(seed: int, options: argparse.Namespace) -> str:
    if options.variant == "shipped" and not options.dynamodb:
        return f"  again: make simulate SEED={seed}"
    on_dynamodb = " --dynamodb" if options.dynamodb else ""
    return f"  again: python -m simulation --seed {seed} --variant {options.variant}{on_dynamodb}"


def _print_schedule(result: WorldResult) -> None:
    print(f"The schedule of seed {result.seed}:")
    lines = result.schedule
    if len(lines) > _LINES_OF_A_SCHEDULE and not result.differences:
        lines = [*lines[: _LINES_OF_A_SCHEDULE // 2], "...", *lines[-_LINES_OF_A_SCHEDULE // 2 :]]
    for line in lines:
        print(f"  {line}")


def _print_differences(result: WorldResult) -> None:
    for sentence in result.untrue:
        print(f"Seed {result.seed}: {sentence}")
    if not result.differences:
        return
    print(f"Seed {result.seed}: what is counted, less what was sent:")
    for difference in result.differences[:_COUNTERS_TOLD]:
        print(f"  {difference}")
    if len(result.differences) > _COUNTERS_TOLD:
        print(f"  and {len(result.differences) - _COUNTERS_TOLD} more counters")


def _print_table(summary: Summary) -> None:
    print()
    for fault in Fault:
        print(f"{fault.value:46}{summary.injected[fault]:>14,}")
    print()
    for name, value in (
        ("runs", summary.runs),
        ("events", summary.events),
        ("records", summary.records),
        ("duplicates", summary.duplicates),
        ("heartbeats", summary.heartbeats),
        ("invocations", summary.invocations),
        ("times that complete_through moved on", summary.completions),
        ("runs with differences", summary.differing),
        ("runs where complete_through is wrong", summary.untrue),
    ):
        print(f"{name:46}{value:>14,}")
    print(f"{'seconds':46}{summary.seconds:>14,.1f}")


def _document(summary: Summary) -> dict[str, object]:
    return {
        "runs": summary.runs,
        "events": summary.events,
        "records": summary.records,
        "duplicates": summary.duplicates,
        "heartbeats": summary.heartbeats,
        "invocations": summary.invocations,
        "completions": summary.completions,
        "injected": {fault.value: summary.injected[fault] for fault in Fault},
        "differing": summary.differing,
        "untrue": summary.untrue,
        "differences": {str(result.seed): result.differences for result in summary.failed},
        "seconds": round(summary.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
