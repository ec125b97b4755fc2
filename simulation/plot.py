"""Curves as SVG, for the documentation, with nothing but the standard library: one picture of linear axes
that is readable on light and dark pages, or a page of small charts on logarithmic axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10
from typing import Final, NamedTuple

_SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg"'
_STEPS: Final = 5
_INK: Final = "#737373"
_COLOURS: Final = ("#c2410c", "#d97706", "#7c3aed", "#059669")
_SHEET_COLOURS: Final = ("#1f6fb4", "#c2571a", "#3b8a3e", "#7b4ea3")
_MIDDLE: Final = 'text-anchor="middle"'
_END: Final = 'text-anchor="end"'

Points = Sequence[tuple[float, float]]


class _Frame(NamedTuple):
    """A chart's size, and the space around its axes."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int

    @property
    def edge(self) -> int:
        """Where the axes end on the right."""
        return self.width - self.right

    @property
    def base(self) -> int:
        """Where they begin at the bottom."""
        return self.height - self.bottom


_ALONE: Final = _Frame(720, 380, 50, 190, 44, 40)
_ON_A_SHEET: Final = _Frame(380, 270, 58, 14, 34, 44)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line with its name; and what was measured, as dots on or near it."""

    name: str
    points: Points
    dots: Points = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over one quantity, on one page. On logarithmic axes all values are above 0."""

    title: str
    across: str
    curves: Sequence[Curve] = field(default_factory=tuple)
    places: Sequence[int] = ()
    """Values across that a linear axis names; none: five equal steps."""


def line_chart(title: str, curves: Sequence[Curve]) -> str:
    """Curves over one pair of linear axes that begin at 0, each with a dot at every point and its name at its
    end.
    """
    return line_charts([Chart(title, "", curves)])


def line_charts(charts: Sequence[Chart]) -> str:
    """Such charts below one another in one picture. What lies across is named below the last."""
    frame, title = _ALONE, charts[0].title
    font = f'font-family="sans-serif" font-size="12" fill="{_INK}"'
    height = frame.height * len(charts)
    parts = [
        f'{_SVG} viewBox="0 0 {frame.width} {height}" role="img" aria-label="{escape(title)}" {font}>',
    ]
    for number, chart in enumerate(charts):
        if number:
            parts.append(f'<g transform="translate(0 {number * frame.height})">')
        parts += _linear_chart(frame, chart)
        if number:
            parts.append("</g>")
    if across := charts[-1].across:
        parts.append(_text(frame.edge + 12, height - frame.bottom + 18, across))
    return "\n".join([*parts, "</svg>", ""])


def chart_sheet(charts: Sequence[Chart], columns: int) -> str:
    """All charts in one picture, in rows, on logarithmic axes."""
    frame = _ON_A_SHEET
    width, height = columns * frame.width, ceil(len(charts) / columns) * frame.height
    parts = [
        f'{_SVG} viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for place, chart in enumerate(charts):
        row, column = divmod(place, columns)
        parts.append(f'<g transform="translate({column * frame.width} {row * frame.height})">')
        parts += _chart(frame, chart)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _linear_chart(frame: _Frame, chart: Chart) -> Iterator[str]:
    highest_x = max(x for curve in chart.curves for x, _ in curve.points)
    highest_y = _round_up(max(y for curve in chart.curves for _, y in curve.points))
    scale = _LinearScale(frame, highest_x, highest_y)
    yield _text(frame.left, 20, chart.title, 'font-size="13"')
    yield from _linear_grid(frame, scale, chart.places)
    for number, curve in enumerate(chart.curves):
        yield from _linear_curve(curve, number, scale)
    yield from _names_at_ends(frame, chart.curves, scale)


class _LinearScale(NamedTuple):
    frame: _Frame
    highest_x: float
    highest_y: float

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        """Where a point is drawn."""
        x, y = point
        left, edge, top, base = self.frame.left, self.frame.edge, self.frame.top, self.frame.base
        return (
            round(left + x / self.highest_x * (edge - left), 1),
            round(base - y / self.highest_y * (base - top), 1),
        )


def _linear_grid(frame: _Frame, scale: _LinearScale, places: Sequence[int]) -> Iterator[str]:
    for value in _equal_steps(scale.highest_y):
        _, y = scale.place((0, value))
        yield f'<path d="M{frame.left} {y}H{frame.edge}" stroke="{_INK}" stroke-opacity="0.25"/>'
        yield _text(frame.left - 8, y + 4, f"{value:g}", _END)
    for value in places or _equal_steps(scale.highest_x):
        x, _ = scale.place((value, 0))
        yield _text(x, frame.base + 18, f"{value:g}", _MIDDLE)


def _equal_steps(highest: float) -> Sequence[float]:
    return [highest * step / _STEPS for step in range(_STEPS + 1)]


def _linear_curve(curve: Curve, number: int, scale: _LinearScale) -> Iterator[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    places = [scale.place(point) for point in curve.points]
    path = "L".join(f"{x} {y}" for x, y in places)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield _dot(x, y, "3", colour)


def _names_at_ends(frame: _Frame, curves: Sequence[Curve], scale: _LinearScale) -> Iterator[str]:
    """Each name at the end of its curve, and not on another name."""
    ends = sorted((scale.place(curve.points[-1])[1], number) for number, curve in enumerate(curves))
    lowest = 0.0
    for y, number in ends:
        lowest = max(y, lowest + 16)
        colour = f'fill="{_COLOURS[number % len(_COLOURS)]}"'
        yield _text(frame.edge + 12, lowest + 4, curves[number].name, colour)


class _LogarithmicScale:
    """Where a value lies between two edges, on a scale of whole powers of ten."""

    def __init__(self, values: Sequence[float], low_edge: float, high_edge: float) -> None:
        self.first = floor(log10(min(values)) + 1e-9)
        self.last = max(self.first + 1, ceil(log10(max(values)) - 1e-9))
        self._low_edge = low_edge
        self._per_power = (high_edge - low_edge) / (self.last - self.first)

    def at(self, value: float) -> float:
        """The place of a value."""
        return self._low_edge + (log10(value) - self.first) * self._per_power

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Each power of ten: where it is, and how it reads."""
        for power in range(self.first, self.last + 1):
            yield self.at(10.0**power), _reading(power)


def _reading(power: int) -> str:
    """Such as `0.1`, `100`, `10k` and `1M`."""
    if power < 0:
        return f"{10.0**power:g}"
    thousands, rest = divmod(power, 3)
    return f"{10**rest}{('', 'k', 'M', 'G')[thousands]}"


def _chart(frame: _Frame, chart: Chart) -> Iterator[str]:
    every = [dot for curve in chart.curves for dot in (*curve.points, *curve.dots)]
    across = _LogarithmicScale([x for x, _ in every], frame.left, frame.edge)
    up = _LogarithmicScale([y for _, y in every], frame.base, frame.top)
    yield _fixed_text(frame.left, 18, chart.title, 'font-size="13" font-weight="bold"')
    yield _fixed_text((frame.left + frame.edge) / 2, frame.height - 8, chart.across, _MIDDLE)
    for place, reading in across.ticks():
        yield _line(place, frame.top, place, frame.base)
        yield _fixed_text(place, frame.base + 15, reading, f'{_MIDDLE} fill="#555555"')
    for place, reading in up.ticks():
        yield _line(frame.left, place, frame.edge, place)
        yield _fixed_text(frame.left - 6, place + 4, reading, f'{_END} fill="#555555"')
    for number, (curve, colour) in enumerate(zip(chart.curves, _SHEET_COLOURS, strict=False)):
        yield from _logarithmic_curve(curve, colour, across, up)
        if curve.name:
            style = f'{_END} fill="{colour}"'
            yield _fixed_text(frame.edge - 6, frame.top + 14 + 14 * number, curve.name, style)


def _logarithmic_curve(
    curve: Curve, colour: str, across: _LogarithmicScale, up: _LogarithmicScale
) -> Iterator[str]:
    points = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in curve.points)
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    for x, y in curve.dots:
        yield _dot(f"{across.at(x):.1f}", f"{up.at(y):.1f}", "3.4", colour)


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="#dddddd"/>'


def _fixed_text(x: float, y: float, text: str, style: str) -> str:
    return _text(f"{x:.1f}", f"{y:.1f}", text, style)


def _text(x: float | str, y: float | str, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def _dot(x: float | str, y: float | str, radius: str, colour: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"/>'


def _round_up(value: float) -> float:
    """The next number of 1, 2 or 5 times a power of ten, at least 1."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= factor * step:
                return factor * step
        step *= 10
