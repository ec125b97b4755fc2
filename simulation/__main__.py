"""The deterministic simulation: every fault, drawn from a seed, and an exact comparison.

Each seed is run in three worlds: `protocol` is the counting half under every fault of its writes, batches and
streams; in `changes` settings, layouts and mappings change, and lines are days old; `month-end` has the lake,
with the shipped repair and closing.

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
from collections.abc import Callable
from pathlib import Path

from adapters.settings import external_dynamodb
from simulation.month_end.broken import BROKEN_MONTH_ENDS
from simulation.month_end.faults import Accident
from simulation.month_end.runs import FIGURES, MONTH_ENDS, MonthEndSummary, run_month_end, run_month_ends
from simulation.protocol.broken_meters import BROKEN, METERS
from simulation.protocol.broken_watches import BROKEN_WATCHES
from simulation.protocol.faults import Fault
from simulation.protocol.runs import Setup, Summary, run_seed, run_seeds
from simulation.protocol.runs_of_changes import ChangingSummary, run_all_changing, run_changing
from simulation.protocol.world import WorldResult
from simulation.protocol.world_of_changes import BROKEN_CHANGING, CHANGING_METERS, Disturbance

ALL, PROTOCOL, CHANGES, MONTH_END = "all", "protocol", "changes", "month-end"

_REPORT_EVERY_SECONDS = 5
_LINES_OF_A_SCHEDULE = 400
_COUNTERS_SHOWN = 10
_EVENTS_ON_DYNAMODB = 30


def main() -> int:
    """The command."""
    options = _parser().parse_args()
    worlds = _worlds(options)
    document: dict[str, object] = {}
    has_failed = False
    if PROTOCOL in worlds:
        setup = _setup(options)
        summary = _one(options.seed, setup) if options.seed is not None else _many(options, setup)
        document |= _document(summary)
        _print_table(summary)
        has_failed = summary.differing > 0 or summary.untrue > 0
    if CHANGES in worlds:
        changing = _changing(options)
        document["changes"] = _document_of_changes(changing)
        _print_changes(changing)
        has_failed |= changing.differing > 0
    if MONTH_END in worlds:
        ends = _month_ends(options)
        document["month_end"] = _document_of_month_ends(ends)
        _print_month_ends(ends)
        has_failed |= ends.differing > 0
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return int(has_failed)


def _worlds(options: argparse.Namespace) -> set[str]:
    """Where a variant, or a DynamoDB, is asked for, the world that has it; else both."""
    if options.world != ALL:
        return {options.world}
    if options.dynamodb:
        return {PROTOCOL}
    known = {PROTOCOL: set(METERS), CHANGES: set(CHANGING_METERS), MONTH_END: set(MONTH_ENDS)}
    return {world for world, names in known.items() if options.variant in names}


def _parser() -> argparse.ArgumentParser:
    broken = (*BROKEN, *BROKEN_WATCHES, *BROKEN_CHANGING, *BROKEN_MONTH_ENDS)
    variants = "\n".join(f"  {meter.name:22}{meter.breaks}" for meter in broken)
    parser = argparse.ArgumentParser(
        "python -m simulation",
        description=__doc__,
        epilog=f"variants, each with one rule broken:\n{variants}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="number of seeds (default: 100)")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first of them (default: 1)")
    parser.add_argument("--seed", type=int, metavar="N", help="this one only; prints its schedule")
    parser.add_argument(
        "--variant",
        choices=METERS | CHANGING_METERS | MONTH_ENDS,
        default="shipped",
        metavar="NAME",
        help="a broken meter",
    )
    parser.add_argument(
        "--world", choices=(ALL, PROTOCOL, CHANGES, MONTH_END), default=ALL, help="which (default: all)"
    )
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
    reported = time.monotonic()

    def report(summary: Summary) -> None:
        nonlocal reported
        if time.monotonic() - reported > _REPORT_EVERY_SECONDS:
            reported = time.monotonic()
            differing = f", {summary.differing} with differences" if summary.differing else ""
            print(f"{summary.runs:,} of {options.seeds:,} seeds{differing}", file=sys.stderr, flush=True)

    summary = run_seeds(options.first, options.seeds, setup, workers=options.workers, report=report)
    if summary.failed:
        worst = summary.failed[0]
        _print_schedule(run_seed(worst.seed, setup, keep_schedule=True))
    for result in summary.failed:
        _print_differences(result)
        print(_how_to_repeat(result.seed, options))
    return summary


def _month_ends(options: argparse.Namespace) -> MonthEndSummary:
    if options.seed is not None:
        summary, began = MonthEndSummary(), time.monotonic()
        summary.add(run_month_end(options.seed, options.variant, keep_schedule=True))
        summary.seconds = time.monotonic() - began
        results = summary.failed or [run_month_end(options.seed, options.variant, keep_schedule=True)]
    else:
        summary = run_month_ends(
            options.first,
            options.seeds,
            options.variant,
            workers=options.workers,
            report=_progress(f"of {options.seeds:,} month ends"),
        )
        worst = summary.failed[:1]
        results = [run_month_end(one.seed, options.variant, keep_schedule=True) for one in worst]
    for result in results:
        print(f"The schedule of seed {result.seed}:", *result.schedule, sep="\n  ")
    for result in summary.failed:
        for sentence in (*result.differences, *result.untrue)[:_COUNTERS_SHOWN]:
            print(f"Seed {result.seed}: {sentence}")
        variant = "" if options.variant == "shipped" else f" --variant {options.variant}"
        print(f"  again: python -m simulation --world {MONTH_END} --seed {result.seed}{variant}")
    return summary


def _changing(options: argparse.Namespace) -> ChangingSummary:
    first, count = (options.first, options.seeds) if options.seed is None else (options.seed, 1)
    summary = run_all_changing(
        first,
        count,
        options.variant,
        workers=options.workers,
        report=_progress(f"of {count:,} worlds with changes"),
    )
    shown = [one.seed for one in summary.failed[:1]] if options.seed is None else [options.seed]
    for seed in shown:
        _print_schedule(run_changing(seed, options.variant, keep_schedule=True).result)
    for result in summary.failed:
        _print_differences(result)
        variant = "" if options.variant == "shipped" else f" --variant {options.variant}"
        print(f"  again: python -m simulation --world {CHANGES} --seed {result.seed}{variant}")
    return summary


def _print_changes(summary: ChangingSummary) -> None:
    print()
    for change in Disturbance:
        print(f"{change.value:46}{summary.changes[change]:>14,}")
    print()
    for name, value in (
        ("worlds with changes", summary.runs),
        ("events", summary.events),
        ("invocations", summary.invocations),
        ("worlds with differences", summary.differing),
    ):
        print(f"{name:46}{value:>14,}")
    print(f"{'seconds':46}{summary.seconds:>14,.1f}")


def _document_of_changes(summary: ChangingSummary) -> dict[str, object]:
    return {
        "runs": summary.runs,
        "events": summary.events,
        "invocations": summary.invocations,
        "changes": {change.value: summary.changes[change] for change in Disturbance},
        "differing": summary.differing,
        "differences": {str(one.seed): one.differences + one.untrue for one in summary.failed},
        "seconds": round(summary.seconds, 1),
    }


def _progress(what: str) -> Callable[[MonthEndSummary | ChangingSummary], None]:
    """Says every few seconds how far it is."""
    reported = time.monotonic()

    def report(summary: MonthEndSummary | ChangingSummary) -> None:
        nonlocal reported
        if time.monotonic() - reported > _REPORT_EVERY_SECONDS:
            reported = time.monotonic()
            differing = f", {summary.differing} with differences" if summary.differing else ""
            print(f"{summary.runs:,} {what}{differing}", file=sys.stderr, flush=True)

    return report


def _how_to_repeat(seed: int, options: argparse.Namespace) -> str:
    if options.variant == "shipped" and not options.dynamodb:
        return f"  again: python -m simulation --world {PROTOCOL} --seed {seed}"
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
    for difference in result.differences[:_COUNTERS_SHOWN]:
        print(f"  {difference}")
    if len(result.differences) > _COUNTERS_SHOWN:
        print(f"  and {len(result.differences) - _COUNTERS_SHOWN} more counters")


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


def _print_month_ends(summary: MonthEndSummary) -> None:
    print()
    for accident in Accident:
        print(f"{accident.value:46}{summary.injected[accident]:>14,}")
    print()
    for name, value in (
        ("month ends", summary.runs),
        *((name.replace("_", " "), summary.figures[name]) for name in FIGURES),
        ("month ends with differences", summary.differing),
    ):
        print(f"{name:46}{value:>14,}")
    print(f"{'seconds':46}{summary.seconds:>14,.1f}")


def _document_of_month_ends(summary: MonthEndSummary) -> dict[str, object]:
    return {
        "runs": summary.runs,
        **{name: summary.figures[name] for name in FIGURES},
        "injected": {accident.value: summary.injected[accident] for accident in Accident},
        "differing": summary.differing,
        "differences": {str(one.seed): one.differences + one.untrue for one in summary.failed},
        "seconds": round(summary.seconds, 1),
    }


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
