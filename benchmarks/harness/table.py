"""The figures as a table, for terminals and for Markdown alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.harness.figure import Figure

_HEAD = ("measured", "against", "result", "target", "")


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table, its columns aligned."""
    rows = [_HEAD, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def details(figures: Iterable[Figure]) -> str:
    """What else was measured with each figure: a line for each that has such."""
    return "\n".join(
        f"{figure.name}: " + ", ".join(f"{name} {number(value)}" for name, value in figure.details.items())
        for figure in figures
        if figure.details
    )


def number(value: float) -> str:
    """Three digits that matter, and no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.2g}"


def _row(figure: Figure) -> tuple[str, ...]:
    bound = "at least" if figure.at_least else "at most"
    return (
        figure.what,
        figure.against,
        f"{number(figure.value)} {figure.unit}",
        f"{bound} {number(figure.target)}",
        "holds" if figure.holds else "MISSED",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
