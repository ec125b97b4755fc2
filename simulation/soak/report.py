"""A soak as text and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from simulation.plot import Chart, Curve, line_charts
from simulation.soak.result import MinuteResult, RoundResult, SoakResult

_MB: Final = 2**20
_MILLION: Final = 1_000_000
_MINUTES_NAMED: Final = 10
"""Below the picture: each tenth one."""


def heading() -> str:
    """The head of the table."""
    return (
        f"{'minute':>6}{'calls':>9}{'counted':>9}{'lag s':>8}{'RSS MB':>8}{'µUSD':>8}{'drift':>7}  "
        "what happens; alarms that are raised"
    )


def row(minute: MinuteResult) -> str:
    """A minute in one line."""
    alarms = ", ".join(name.removesuffix("Alarm") for name in minute.alarms)
    return (
        f"{minute.minute:>6}{minute.calls:>9,}{minute.counted:>9,}{minute.lag_seconds:>8.1f}"
        f"{minute.memory_bytes / _MB:>8.1f}{minute.cost_usd * _MILLION:>8.0f}{minute.drift:>7,}  "
        f"{', '.join(minute.disturbances)}; {alarms}"
    )


def verdict(result: SoakResult) -> str:
    """What follows from it."""
    faults = ", ".join(f"{count:,} {kind}" for kind, count in sorted(result.minutes[-1].faults.items()))
    lines = [
        "",
        f"Requests disturbed: {faults}",
        *(_round_line(number, one) for number, one in enumerate(result.rounds, 1)),
        *_memory_lines(result),
        f"Alarms that rang: {', '.join(sorted(result.rung))}",
    ]
    if result.problems:
        return "\n".join([*lines, "", "Problems:", *(f"- {problem}" for problem in result.problems)])
    return "\n".join([*lines, f"{result.events:,} events, each counted once; counters and lake agree."])


def _round_line(number: int, one: RoundResult) -> str:
    memory, stored = one.memory_by_comparison, one.stored
    return (
        f"After round {number}: {one.memory_bytes / _MB:.1f} MB, after {len(memory)} comparisons "
        f"{min(memory) / _MB:.1f} to {max(memory) / _MB:.1f}; the local cloud stores "
        f"{stored.objects:,} objects of {stored.object_bytes / _MB:.1f} MB, {stored.items:,} items, "
        f"{stored.records:,} records, "
        f"{stored.log_events:,} log events"
    )


def _memory_lines(result: SoakResult) -> Iterator[str]:
    yield (
        f"Memory from round to round: {result.memory_growth / _MB:+.1f} MB (at most {_bound(result):.1f}, "
        f"{result.stored_growth / _MB:.1f} of them for what is stored)"
    )
    yield (
        f"Too much would be {result.bytes_per_call:,.0f} bytes of each call, or "
        f"{result.bytes_per_comparison / 1024:,.0f} KB of each comparison"
    )


def _bound(result: SoakResult) -> float:
    return result.memory_bound / _MB


def drawn(result: SoakResult) -> str:
    """Lag, memory, cost and drift by the minute, and how many alarms are raised."""
    figures: list[tuple[str, Callable[[MinuteResult], float]]] = [
        ("Lag of the counters, in seconds", lambda one: one.lag_seconds),
        ("Memory of the process, in MB", lambda one: one.memory_bytes / _MB),
        ("Cost of the minute at list prices, in millionths of a USD", lambda one: one.cost_usd * _MILLION),
        ("Drift: events that the counters hold too many or too few", lambda one: one.drift),
        ("Alarms that are raised", lambda one: len(one.alarms)),
    ]
    named = range(0, len(result.minutes), _MINUTES_NAMED)
    charts = [
        Chart(title, "minute", [Curve("", [(one.minute, value(one)) for one in result.minutes])], named)
        for title, value in figures
    ]
    return line_charts(charts)
