"""The days of a month as a chart: two bars a day, and a mark where both sides differ. Where each piece of the
drawing is; the template draws it as SVG.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from metering.period import Period
from reconciliation.model.report import Both
from reconciliation.page_template import signed

WIDTH: Final = 1000
HEIGHT: Final = 290
_LEFT: Final = 66
_TOP: Final = 30
_BOTTOM: Final = 50
_PLOT_WIDTH: Final = WIDTH - _LEFT - 4
_PLOT_HEIGHT: Final = HEIGHT - _TOP - _BOTTOM
_BASE: Final = _TOP + _PLOT_HEIGHT
_STEPS: Final = 4
"""Lines above that of zero, at most."""


class Rectangle(NamedTuple):
    """A bar, or the ground of a day; `kind` is its class in the page's style."""

    x: str
    y: str
    width: str
    height: str
    kind: str


class Label(NamedTuple):
    """A text."""

    text: str
    x: str
    y: str
    kind: str


class GridLine(NamedTuple):
    """A line across the chart, and what it stands for."""

    x1: str
    x2: str
    y: str
    label: Label


class DayDrawing(NamedTuple):
    """All of a day; the title is its bars in words."""

    title: str
    rectangles: list[Rectangle]
    labels: list[Label]


class DaysChart(NamedTuple):
    """The drawing."""

    width: int
    height: int
    grid: list[GridLine]
    days: list[DayDrawing]


def days_chart(
    days: Sequence[Period], compared: Mapping[Period, Both], differing: Collection[Period]
) -> DaysChart:
    """The chart. `compared` has the days that were compared, even those without a call; others are drawn as
    left out. `differing` are those that are marked.
    """
    most = max((max(_requests(both)) for both in compared.values()), default=0)
    slots = _Slots(_PLOT_WIDTH / len(days), ceiling(most))
    drawn = [
        slots.day(place, day, compared[day], differs=day in differing)
        if day in compared
        else slots.left_out(place, day)
        for place, day in enumerate(days)
    ]
    return DaysChart(WIDTH, HEIGHT, list(_grid(slots.top)), drawn)


class _Slots(NamedTuple):
    """The places of the days, side by side."""

    width: float
    top: int
    """What the highest line stands for."""

    def left_out(self, place: int, day: Period) -> DayDrawing:
        """A day that was not compared."""
        number = self._below(place, _day_number(day), 18, "day")
        return DayDrawing(f"{day}: not compared", [self._ground(place, "not-compared")], [number])

    def day(self, place: int, day: Period, both: Both, *, differs: bool) -> DayDrawing:
        """A day: its ground, its bars, its number, and its mark if it differs."""
        counted, in_lake = _requests(both)
        bar, gap, middle = self.width * 0.36, self.width * 0.03, self._middle(place)
        title = f"{day}: {counted:,} counted, {in_lake:,} in the lake{'; they differ' if differs else ''}"
        rectangles = [
            self._ground(place, "ground-differs" if differs else "ground"),
            *_bar(middle - gap - bar, bar, counted / self.top, "counted"),
            *_bar(middle + gap, bar, in_lake / self.top, "lake"),
        ]
        labels = [self._below(place, _day_number(day), 18, "day differs" if differs else "day")]
        if differs:
            labels.append(self._below(place, "≠", -_PLOT_HEIGHT - 8, "flag"))
        if differs and counted != in_lake:
            labels.append(self._below(place, signed(counted - in_lake), 36, "gap"))
        return DayDrawing(title, rectangles, labels)

    def _middle(self, place: int) -> float:
        return _LEFT + (place + 0.5) * self.width

    def _ground(self, place: int, kind: str) -> Rectangle:
        return _rectangle(_LEFT + place * self.width, _TOP, self.width, _PLOT_HEIGHT, kind)

    def _below(self, place: int, text: str, distance: int, kind: str) -> Label:
        """A text so far below the line of zero."""
        return _label(text, self._middle(place), _BASE + distance, kind)


def _day_number(day: Period) -> str:
    return day[-2:].lstrip("0")


def _grid(top: int) -> Iterator[GridLine]:
    for value in range(0, top + 1, top // grid_steps(top)):
        height = _BASE - _PLOT_HEIGHT * value / top
        label = _label(f"{value:,}", _LEFT - 8, height + 4, "tick")
        yield GridLine(_number(_LEFT), _number(WIDTH - 4), _number(height), label)


def _bar(left: float, width: float, share: float, kind: str) -> Iterator[Rectangle]:
    height = _PLOT_HEIGHT * share
    if share:
        yield _rectangle(left, _BASE - height, width, height, kind)


def _rectangle(left: float, top: float, width: float, height: float, kind: str) -> Rectangle:
    return Rectangle(_number(left), _number(top), _number(width), _number(height), kind)


def _label(text: str, x: float, y: float, kind: str) -> Label:
    return Label(text, _number(x), _number(y), kind)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _requests(both: Both) -> tuple[int, int]:
    return both.counted.requests, both.in_lake.requests


def ceiling(most: int) -> int:
    """The top of the scale: the next 1, 2, 4, 5 or 8 with zeros behind it, that is divided by a few lines."""
    scale = 1
    while True:
        for digit in (1, 2, 4, 5, 8):
            if digit * scale >= most:
                return digit * scale
        scale *= 10


def grid_steps(top: int) -> int:
    """As many lines as divide the scale into whole numbers."""
    wanted = 5 if str(top).startswith(("1", "5")) else _STEPS
    return next(steps for steps in range(wanted, 0, -1) if top % steps == 0)
