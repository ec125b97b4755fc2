"""Curves as SVG, for the documentation: readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 720
HEIGHT: Final = 380
LEFT, RIGHT, TOP, BOTTOM = 50, 190, 44, 40

COLOURS: Final = ("#c2410c", "#d97706", "#7c3aed", "#059669")
INK: Final = "#737373"
STEPS: Final = 5

Point = tuple[float, float]


class Line(NamedTuple):
    """A curve with its name."""

    name: str
    points: Sequence[Point]


def line_chart(title: str, lines: Sequence[Line]) -> str:
    """Curves over one pair of axes that begin at 0."""
    highest_x = max(x for line in lines for x, _ in line.points)
    highest_y = _round_up(max(y for line in lines for _, y in line.points))
    scale = _Scale(highest_x, highest_y)
    font = f'font-family="sans-serif" font-size="12" fill="{INK}"'
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {font}>',
        f'<text x="{LEFT}" y="20" font-size="13">{escape(title)}</text>',
        *_grid(scale),
        *(part for number, line in enumerate(lines) for part in _curve(line, number, scale)),
        *_names(lines, scale),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale(NamedTuple):
    highest_x: float
    highest_y: float

    def place(self, point: Point) -> tuple[float, float]:
        x, y = point
        return (
            round(LEFT + x / self.highest_x * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - y / self.highest_y * (HEIGHT - TOP - BOTTOM), 1),
        )


def _grid(scale: _Scale) -> list[str]:
    found = []
    for step in range(STEPS + 1):
        value_x, value_y = scale.highest_x * step / STEPS, scale.highest_y * step / STEPS
        x, y = scale.place((value_x, value_y))
        found += [
            f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{INK}" stroke-opacity="0.25"/>',
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value_y:g}</text>',
            f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value_x:g}</text>',
        ]
    return found


def _curve(line: Line, number: int, scale: _Scale) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    places = [scale.place(point) for point in line.points]
    path = "L".join(f"{x} {y}" for x, y in places)
    dots = [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
    return [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _names(lines: Sequence[Line], scale: _Scale) -> list[str]:
    """Each name at the end of its curve, and not on another name."""
    ends = sorted((scale.place(line.points[-1])[1], number) for number, line in enumerate(lines))
    found, lowest = [], 0.0
    for y, number in ends:
        lowest = max(y, lowest + 16)
        colour = COLOURS[number % len(COLOURS)]
        place = f'x="{WIDTH - RIGHT + 12}" y="{lowest + 4}"'
        found.append(f'<text {place} fill="{colour}">{escape(lines[number].name)}</text>')
    return found


def _round_up(value: float) -> float:
    """The next number of 1, 2 or 5 times a power of ten, at least 1."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= factor * step:
                return factor * step
        step *= 10
