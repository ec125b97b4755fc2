"""What the documentation shows of the results."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.growth import AXES, Place, Point, computed, point
from benchmarks.plots import PAGE, PICTURE, picture, with_table
from benchmarks.suite import document as results

SVG = "{http://www.w3.org/2000/svg}"


def test_page() -> None:
    """The table of docs/performance.md is that of the recorded results."""
    text = PAGE.read_text()
    assert with_table(text, results()) == text


def test_picture() -> None:
    """The committed picture shows all six charts, and a dot for each place that was measured on an axis."""
    committed = ET.fromstring(PICTURE.read_text())
    assert 6 == len(committed.findall(f"{SVG}g"))
    measured = {point(one).place for one in results()["growth"]}
    assert measured == {place for places in AXES.values() for place in places}
    dots = len(committed.findall(f".//{SVG}circle"))
    assert sum(len(places) for places in AXES.values()) + 2 * len(AXES["rate"]) > dots
    assert dots > len(measured)


@pytest.mark.exhaustive
def test_drawn() -> None:
    """Results make a picture that can be read, whatever was measured."""
    places = AXES["rate"]
    drawn = picture({"growth": [Point(place, 100.0, 5.0).as_json() for place in places]})
    assert 6 == len(ET.fromstring(drawn).findall(f"{SVG}g"))


def test_computed_and_measured() -> None:
    """What is computed and what was measured are near each other where batches hold many keys."""
    for one in map(point, results()["growth"]):
        if one.place.keys >= 100:
            assert computed(one.place) == pytest.approx(one.units, rel=0.25)


def test_point() -> None:
    """A point comes back from its JSON."""
    one = Point(Place(rate=10, keys=3, shards=2, window=15), 12.5, 3.25)
    assert one == point(one.as_json())
