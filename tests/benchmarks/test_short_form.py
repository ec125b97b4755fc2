"""The short form of the benchmarks: counts are held to the record; seconds are `make bench`'s alone."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from benchmarks import suite, write_units
from benchmarks.harness.figure import Figure, Size
from benchmarks.suite import COUNTED, IN_SHORT_FORM, MEASUREMENTS, fallen, recorded


def measured(name: str, request: pytest.FixtureRequest) -> list[Figure]:
    """The figures of a measurement, made as quickly as can be."""
    if name in suite.ON_DYNAMODB_LOCAL:
        address = request.getfixturevalue("dynamodb_local")
        request.getfixturevalue("monkeypatch").setattr(write_units, "running", lambda: nullcontext(address))
    return list(MEASUREMENTS[name](Size(short=True, most_rounds=1)))


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.exhaustive
def test_counts(name: str, request: pytest.FixtureRequest) -> None:
    """Write units, bytes and prices are counted and computed: they are what is recorded, or nearly so."""
    figures = measured(name, request)
    assert {figure.name for figure in figures} <= set(recorded())
    assert [] == fallen(figures, recorded())


@pytest.mark.parametrize("name", sorted(set(IN_SHORT_FORM) - set(COUNTED)))
@pytest.mark.exhaustive
def test_times(name: str, request: pytest.FixtureRequest) -> None:
    """Every measurement of time runs and yields figures that are recorded; a clock decides nothing here."""
    figures = measured(name, request)
    assert {figure.name for figure in figures} <= set(recorded())
    assert all(figure.value > 0 for figure in figures)


def test_targets() -> None:
    """Everything that is recorded reaches its target, but what is known to miss it."""
    missed = {figure["name"] for figure in suite.document()["figures"] if not figure["holds"]}
    assert set(suite.KNOWN_MISSES) == missed


def test_missed() -> None:
    """A figure that misses its target is reported, unless that is known."""
    known = Figure(suite.KNOWN_MISSES[0], "this", "that", 1.0, 1.5)
    assert ["speed"] == suite.missed([known, figure(2.9), figure(3.0)])


def figure(value: float, *, at_least: bool = True, is_ratio: bool = True) -> Figure:
    """A figure of this value."""
    return Figure("speed", "this", "that", value, 3.0, at_least=at_least, is_ratio=is_ratio)


@pytest.mark.parametrize(
    ("measured", "at_least", "count"),
    [(3.0, True, 0), (2.1, True, 0), (1.9, True, 1), (4.4, False, 0), (4.6, False, 1)],
)
def test_fallen(measured: float, at_least: bool, count: int) -> None:
    """A third less than the recorded 3, or half more where less is better, is reported."""
    assert count == len(fallen([figure(measured, at_least=at_least)], {"speed": 3.0}))


def test_absolute_figures() -> None:
    """What means nothing on another machine is not compared."""
    assert [] == fallen([figure(0.1, is_ratio=False)], {"speed": 3.0})
