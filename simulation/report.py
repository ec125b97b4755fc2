"""What `python -m simulation` prints and writes of a world, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulation.runs import PlayedSeed, Setup, Summary

_LINES_OF_A_SCHEDULE: Final = 400
_SENTENCES_OF_A_SEED: Final = 10
_WIDTH: Final = 46


def table(summary: Summary) -> str:
    """The kinds of what went wrong, and the figures."""
    kinds = [(kind.value, summary.injected[kind]) for kind in summary.world.kinds]
    return "\n".join(
        [
            "",
            f"World: {summary.world.name}",
            *(f"{name:{_WIDTH}}{count:>14,}" for name, count in kinds),
            "",
            *(f"{name.replace('_', ' '):{_WIDTH}}{count:>14,}" for name, count in _counts(summary)),
            f"{'seconds':{_WIDTH}}{summary.seconds:>14,.1f}",
        ]
    )


def document(summary: Summary) -> dict[str, object]:
    """The same, for JSON."""
    return {
        **dict(_counts(summary)),
        "injected": {kind.value: summary.injected[kind] for kind in summary.world.kinds},
        "differences": {str(one.seed): [*one.differences, *one.untrue] for one in summary.failed},
        "seconds": round(summary.seconds, 1),
    }


def _counts(summary: Summary) -> Iterator[tuple[str, int]]:
    yield "runs", summary.runs
    yield from ((name, summary.figures[name]) for name in summary.world.figures)
    yield "runs_with_differences", summary.differing
    yield "runs_called_complete_too_early", summary.untrue


def schedule(result: PlayedSeed) -> str:
    """What happened in a seed, a line each: its beginning and its end, where it is long and all is right."""
    lines = result.schedule
    if len(lines) > _LINES_OF_A_SCHEDULE and not result.differences:
        half = _LINES_OF_A_SCHEDULE // 2
        lines = [*lines[:half], "...", *lines[-half:]]
    return "\n  ".join([f"The schedule of seed {result.seed}:", *lines])


def failure(result: PlayedSeed, summary: Summary, setup: Setup) -> str:
    """What is wrong in a seed, and how to see it again."""
    lines = [f"Seed {result.seed}: {sentence}" for sentence in result.untrue]
    if result.differences:
        lines.append(f"Seed {result.seed}, of counters what is counted, less what was sent:")
        lines += [f"  {sentence}" for sentence in result.differences[:_SENTENCES_OF_A_SEED]]
    more = len(result.differences) - _SENTENCES_OF_A_SEED
    return "\n".join([*lines, *([f"  and {more} more"] * (more > 0)), _how_to_repeat(result, summary, setup)])


def _how_to_repeat(result: PlayedSeed, summary: Summary, setup: Setup) -> str:
    variant = "" if setup.meter == "shipped" else f" --variant {setup.meter}"
    on_dynamodb = "" if setup.dynamodb is None else " --dynamodb"
    return (
        f"  again: python -m simulation --world {summary.world.name} --seed {result.seed}"
        f"{variant}{on_dynamodb}"
    )
