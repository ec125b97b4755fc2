"""The chart of the days."""

from __future__ import annotations

import pytest

from metering.period import Period, days_of
from metering.usage import Usage
from reconciliation.model.report import Both
from reconciliation.report.chart import DaysChart, ceiling, days_chart, grid_steps

DAYS = days_of(Period("2026-02"))


def chart(requests: dict[int, tuple[int, int]], *differing: int) -> DaysChart:
    """The chart of a February in which some days were compared."""
    compared = {DAYS[day - 1]: Both(Usage(left), Usage(right)) for day, (left, right) in requests.items()}
    return days_chart(DAYS, compared, {DAYS[day - 1] for day in differing})


def heights(found: DaysChart, kind: str) -> list[float]:
    return [float(one.height) for day in found.days for one in day.rectangles if one.kind == kind]


def texts(found: DaysChart, kind: str) -> list[str]:
    labels = [line.label for line in found.grid] + [one for day in found.days for one in day.labels]
    return [one.text for one in labels if one.kind == kind]


def test_bars() -> None:
    """As high as their number: two a day, on one scale."""
    found = chart({1: (100, 100), 2: (50, 25)}, 2)
    assert [210.0, 105.0] == heights(found, "counted")
    assert [210.0, 52.5] == heights(found, "lake")
    assert ["0", "20", "40", "60", "80", "100"] == texts(found, "tick")


def test_marks() -> None:
    """A day that differs has a sign, its number stands out, and the difference below it."""
    found = chart({1: (100, 99), 2: (50, 50), 3: (8, 20)}, 1, 2, 3)
    assert ["≠"] * 3 == texts(found, "flag")
    assert ["+1", "−12"] == texts(found, "gap")
    assert ["1", "2", "3"] == texts(found, "day differs")


def test_words() -> None:
    """Whoever does not see it hears of each day."""
    titles = [day.title for day in chart({1: (100, 99)}, 1).days]
    assert ["2026-02-01: 100 counted, 99 in the lake; they differ", "2026-02-02: not compared"] == titles[:2]
    assert 28 == len(titles)


def test_nothing() -> None:
    """A month without a call has a scale all the same."""
    found = chart({1: (0, 0)})
    assert ["0", "1"] == texts(found, "tick")
    assert [] == heights(found, "counted")
    assert 27 == len(heights(found, "not-compared"))


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (3, 4), (6, 8), (9, 10), (41_201, 50_000), (99_999, 100_000)]
)
def test_scale(most: int, top: int) -> None:
    """Round, not below the highest bar, and its lines at whole numbers."""
    assert top == ceiling(most)
    assert 0 == top % grid_steps(top)
