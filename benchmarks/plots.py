"""Shows the recorded results in the documentation: `python -m benchmarks.plots`.

It draws docs/performance.svg, where lines are computed by the arithmetic of `usage-meter estimate` and dots
are measured, and writes the table of docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from benchmarks.growth import AXES, Place, Point, computed, point, workload
from benchmarks.harness.figure import Figure
from benchmarks.harness.table import table
from benchmarks.suite import document as results
from cli.cost.estimate_session import PRICE_LIST, load_prices
from metering.cost.estimate import Estimate, cheapest
from metering.cost.price_list import PriceList
from metering.cost.workload import SECONDS_OF_MONTH
from simulation.plot import Chart, Curve, chart_sheet

_DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
PICTURE: Final = _DOCS / "performance.svg"
PAGE: Final = _DOCS / "performance.md"
_TABLE_BEGINS: Final = "<!-- table: python -m benchmarks.plots -->"
_TABLE_ENDS: Final = "<!-- end of table -->"
_FIELDS: Final = tuple(one.name for one in fields(Figure))
_STEPS_OF_A_POWER: Final = 6
_MILLION: Final = 1_000_000


def charts(points: Sequence[Point]) -> Iterator[Chart]:
    """Write units by each axis, then processor time and money by the rate."""
    at = {one.place: one for one in points}
    yield Chart(
        "Write units for 1,000 calls, by rate",
        "calls a second; 1,000 keys, as many shards and meters as needed",
        [_units_of_window(window, at) for window in (1, 5, 60)],
    )
    yield Chart(
        "… by keys",
        "keys; 1,000 calls a second, window 5 s",
        [_units("keys", Place(), _powers(0, 6), at)],
    )
    yield Chart(
        "… by shards",
        "shards; 1,000 calls a second, 1,000 keys, window 5 s",
        [_units("shards", Place(), [float(1 << power) for power in range(8)], at)],
    )
    yield Chart(
        "… by window",
        "seconds; 100 calls a second, 1,000 keys",
        [_units("window", Place(rate=100), [float(second) for second in range(1, 121)], at)],
    )
    yield Chart(
        "Processor time of a call, by rate",
        "calls a second; µs, 1,000 keys, window 5 s",
        [_processor(at)],
    )
    yield Chart(
        "USD for a million calls, by rate",
        "calls a second; without the access log itself",
        [_money("1,000 keys", 1_000), _money("100,000 keys", 100_000)],
    )


def _units(axis: str, place: Place, values: Sequence[float], at: dict[Place, Point]) -> Curve:
    line = [(value, computed(_moved(place, axis, value))) for value in values]
    return Curve("", line, _dots(axis, place, at))


def _units_of_window(window: int, at: dict[Place, Point]) -> Curve:
    """By the rate, with the shards and meters that a rate needs."""
    place = Place(window=window)
    line = []
    for rate in _powers(-1, 6):
        found = _cheapest(_moved(place, "rate", rate))
        line.append((rate, found.meters * found.units.write_units / (rate * SECONDS_OF_MONTH) * 1000))
    return Curve(f"window {window} s", line, _dots("rate", place, at))


def _dots(axis: str, place: Place, at: dict[Place, Point]) -> list[tuple[float, float]]:
    """What was measured at this place, and elsewhere on an axis through it."""
    on_axis = [one for one in AXES[axis] if one in at and _moved(place, axis, getattr(one, axis)) == one]
    return [(float(getattr(one, axis)), at[one].units) for one in on_axis]


@cache
def _cheapest(place: Place) -> Estimate:
    """The estimate with as many shards as are needed, and the number of meters that costs least."""
    return cheapest(replace(workload(place), shards=None), _prices())


@cache
def _prices() -> PriceList:
    return load_prices(PRICE_LIST)


def _moved(place: Place, axis: str, value: float) -> Place:
    """A place elsewhere on an axis; only rates need not be whole."""
    change: dict[str, Any] = {axis: value if axis == "rate" else int(value)}
    return replace(place, **change)


def _processor(at: dict[Place, Point]) -> Curve:
    """Measured only: its line joins the dots."""
    dots = [(one.rate, at[one].microseconds) for one in AXES["rate"] if one in at]
    return Curve("", dots, dots)


def _money(name: str, keys: int) -> Curve:
    line = []
    for rate in _powers(-1, 6):
        millions = rate * SECONDS_OF_MONTH / _MILLION
        line.append((rate, float(_cheapest(Place(rate=rate, keys=keys)).total_without_log) / millions))
    return Curve(name, line)


def _powers(first: int, last: int) -> list[float]:
    steps = range(first * _STEPS_OF_A_POWER, last * _STEPS_OF_A_POWER + 1)
    return [10 ** (step / _STEPS_OF_A_POWER) for step in steps]


def picture(recorded: dict[str, Any]) -> str:
    """The picture of some results."""
    return chart_sheet(list(charts([point(one) for one in recorded["growth"]])), columns=3)


def with_table(text: str, recorded: dict[str, Any]) -> str:
    """The page with the table of some results in the place of the one that it has."""
    head, begin, rest = text.partition(_TABLE_BEGINS)
    _, end, tail = rest.partition(_TABLE_ENDS)
    figures = [Figure(**{name: one[name] for name in _FIELDS}) for one in recorded["figures"]]
    return f"{head}{begin}\n{table(figures)}\n{end}{tail}"


def show() -> None:
    """Bring picture and page up to date."""
    recorded = results()
    PICTURE.write_text(picture(recorded))
    PAGE.write_text(with_table(PAGE.read_text(), recorded))


if __name__ == "__main__":
    show()
