"""What is usual: learned from days, never from two bad ones."""

from __future__ import annotations

from metering.source.usual import DAYS, Usual


def of_days(*values: float) -> Usual:
    """A value for each of some days."""
    usual = Usual()
    for day, value in enumerate(values, 20_000):
        usual = usual.with_seen(value, day)
    return usual


def test_the_third_highest_day() -> None:
    """Two bad days teach nothing, what stays for three is usual, and an old day is forgotten."""
    quiet = [0.01] * 10
    assert of_days(*quiet, 0.9, 0.9).value(0.5) == 0.01
    assert of_days(*quiet, 0.9, 0.9, 0.8).value(0.5) == 0.8
    assert of_days(*[0.9] * 3, *[0.01] * DAYS).value(0.5) == 0.01


def test_the_first_week() -> None:
    """Until a week is known, it is what is given, or more if more was seen."""
    assert Usual().value(0.5) == 0.5
    assert of_days(0.1, 0.7).value(0.5) == 0.7
    assert of_days(*[0.1] * 7).value(0.5) == 0.1


def test_a_day_has_its_highest_value() -> None:
    """Of many looks in a day the highest counts; nothing is less than none."""
    usual = Usual().with_seen(0.2, 20_000).with_seen(0.1, 20_000).with_seen(-1.0, 20_001)
    assert (200_000, 0) == usual.peaks
