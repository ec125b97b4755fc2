"""Charts on two logarithmic axes, as SVG, with nothing but the standard library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 380
HEIGHT: Final = 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 34, 44
_FONT: Final = 'font-family="sans-serif" font-size="11"'
_END: Final = 'text-anchor="end"'
_COLOURS: Final = ("#1f6fb4", "#c2571a", "#3b8a3e", "#7b4ea3")

Dots = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """What was computed, as a line; and what was measured, as dots on or near it."""

    name: str
    line: Dots
    dots: Dots = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over one quantity. All values are above 0."""

    title: str
    across: str
    curves: Sequence[Curve] = field(default_factory=tuple)


def document(charts: Sequence[Chart], columns: int) -> str:
    """All charts in one picture, in rows."""
    rows = ceil(len(charts) / columns)
    width, height = columns * WIDTH, rows * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT}>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for place, chart in enumerate(charts):
        row, column = divmod(place, columns)
        parts.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT})">')
        parts += _chart(chart)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
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


def _chart(chart: Chart) -> Iterator[str]:
    every = [dot for curve in chart.curves for dot in (*curve.line, *curve.dots)]
    across = _Scale([x for x, _ in every], _LEFT, WIDTH - _RIGHT)
    up = _Scale([y for _, y in every], HEIGHT - _BOTTOM, _TOP)
    yield _text(_LEFT, 18, chart.title, 'font-size="13" font-weight="bold"')
    yield _text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8, chart.across, 'text-anchor="middle"')
    for place, reading in across.ticks():
        yield _line(place, _TOP, place, HEIGHT - _BOTTOM)
        yield _text(place, HEIGHT - _BOTTOM + 15, reading, 'text-anchor="middle" fill="#555555"')
    for place, reading in up.ticks():
        yield _line(_LEFT, place, WIDTH - _RIGHT, place)
        yield _text(_LEFT - 6, place + 4, reading, _END + ' fill="#555555"')
    for number, (curve, colour) in enumerate(zip(chart.curves, _COLOURS, strict=False)):
        yield from _curve(curve, colour, across, up)
        if curve.name:
            yield _text(WIDTH - _RIGHT - 6, _TOP + 14 + 14 * number, curve.name, _END + f' fill="{colour}"')


def _curve(curve: Curve, colour: str, across: _Scale, up: _Scale) -> Iterator[str]:
    places = [(across.at(x), up.at(y)) for x, y in curve.line]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    for x, y in curve.dots:
        yield f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3.4" fill="{colour}"/>'


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
