"""The days of a month as a chart: two bars a day, and a mark where both sides differ. SVG, drawn here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from metering.period import Period
from reconciliation.markup import Markup, empty_tag, joined, tag
from reconciliation.report import Both

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


def days_chart(
    days: Sequence[Period],
    compared: Mapping[Period, Both],
    differing: Collection[Period],
    description: str,
) -> Markup:
    """The chart. `compared` has the days that were compared, even those without a call; others are drawn as
    left out. `differing` are those that are marked.
    """
    most = max((max(_requests(both)) for both in compared.values()), default=0)
    slots = _Slots(_PLOT_WIDTH / len(days), _ceiling(most))
    return tag(
        "svg",
        tag("title", "Calls of each day, counted and in the lake", id="chart-title"),
        tag("desc", description, id="chart-description"),
        *_grid(slots.top),
        *[
            slots.day(place, day, compared[day], differs=day in differing)
            if day in compared
            else slots.left_out(place, day)
            for place, day in enumerate(days)
        ],
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby="chart-title chart-description",
        class_="chart",
    )


class _Slots(NamedTuple):
    """The places of the days, side by side."""

    width: float
    top: int
    """What the highest line stands for."""

    def left_out(self, place: int, day: Period) -> Markup:
        """A day that was not compared."""
        return tag(
            "g",
            tag("title", f"{day}: not compared"),
            self._ground(place, "not-compared"),
            self._below(place, _day_number(day), 18, "day"),
        )

    def day(self, place: int, day: Period, both: Both, *, differs: bool) -> Markup:
        """A day: its ground, its bars, its number, and its mark if it differs."""
        counted, in_lake = _requests(both)
        bar, gap, middle = self.width * 0.36, self.width * 0.03, self._middle(place)
        what = "; they differ" if differs else ""
        parts = [
            tag("title", f"{day}: {counted:,} counted, {in_lake:,} in the lake{what}"),
            self._ground(place, "ground-differs" if differs else "ground"),
            _bar(middle - gap - bar, bar, counted / self.top, "counted"),
            _bar(middle + gap, bar, in_lake / self.top, "lake"),
            self._below(place, _day_number(day), 18, "day differs" if differs else "day"),
        ]
        if differs:
            parts.append(self._below(place, "≠", -_PLOT_HEIGHT - 8, "flag"))
        if differs and counted != in_lake:
            parts.append(self._below(place, f"{counted - in_lake:+,}".replace("-", "−"), 36, "gap"))
        return tag("g", *parts)

    def _middle(self, place: int) -> float:
        return _LEFT + (place + 0.5) * self.width

    def _ground(self, place: int, kind: str) -> Markup:
        return _rectangle(_LEFT + place * self.width, _TOP, self.width, _PLOT_HEIGHT, kind)

    def _below(self, place: int, text: str, distance: int, kind: str) -> Markup:
        """A text so far below the line of zero."""
        return _text(text, self._middle(place), _BASE + distance, kind)


def _day_number(day: Period) -> str:
    return day[-2:].lstrip("0")


def _grid(top: int) -> Iterator[Markup]:
    step = top // _steps(top)
    for value in range(0, top + 1, step):
        height = _BASE - _PLOT_HEIGHT * value / top
        x2, y = _number(WIDTH - 4), _number(height)
        yield empty_tag("line", x1=_LEFT, x2=x2, y1=y, y2=y, class_="grid")
        yield _text(f"{value:,}", _LEFT - 8, height + 4, "tick")


def _bar(left: float, width: float, share: float, kind: str) -> Markup:
    height = _PLOT_HEIGHT * share
    return joined([_rectangle(left, _BASE - height, width, height, kind)] if share else [])


def _rectangle(left: float, top: float, width: float, height: float, kind: str) -> Markup:
    x, y, width_, height_ = map(_number, (left, top, width, height))
    return empty_tag("rect", x=x, y=y, width=width_, height=height_, class_=kind)


def _text(text: str, x: float, y: float, kind: str) -> Markup:
    return tag("text", text, x=_number(x), y=_number(y), class_=kind)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _requests(both: Both) -> tuple[int, int]:
    return both.counted.requests, both.in_lake.requests


def _ceiling(most: int) -> int:
    """The top of the scale: the next 1, 2, 4, 5 or 8 with zeros behind it, that is divided by a few lines."""
    scale = 1
    while True:
        for digit in (1, 2, 4, 5, 8):
            if digit * scale >= most:
                return digit * scale
        scale *= 10


def _steps(top: int) -> int:
    """As many lines as divide the scale into whole numbers."""
    wanted = 5 if str(top).startswith(("1", "5")) else _STEPS
    return next(steps for steps in range(wanted, 0, -1) if top % steps == 0)
