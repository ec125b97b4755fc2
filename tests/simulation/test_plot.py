"""Curves as SVG."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from simulation.plot import Chart, Curve, chart_sheet, line_chart, line_charts

SVG = "{http://www.w3.org/2000/svg}"


def test_line_chart() -> None:
    """The plot is well-formed, with a path, dots and a name for each curve."""
    curves = [Curve("one & two", [(0, 0), (60, 3)]), Curve("flat", [(0, 0), (60, 0)])]
    root = ET.fromstring(line_chart("a < b", curves))
    paths = [path for path in root.iter(f"{SVG}path") if path.get("fill") == "none"]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert (2, 4) == (len(paths), len(list(root.iter(f"{SVG}circle"))))
    assert {"a < b", "one & two", "flat"} <= set(texts)


def test_places() -> None:
    """Below the axis are the values that a chart names, where they lie."""
    curve = Curve("", [(0, 0), (40, 1)])
    root = ET.fromstring(line_charts([Chart("t", "minute", [curve], range(0, 41, 10))]))
    places = {text.text: float(text.attrib["x"]) for text in root.iter(f"{SVG}text")}
    assert places["10"] - places["0"] == pytest.approx((places["40"] - places["0"]) / 4, abs=0.2)


def test_names_do_not_overlap() -> None:
    """Curves that end at one place have their names below one another."""
    root = ET.fromstring(line_chart("t", [Curve(name, [(0, 0), (1, 5)]) for name in "abc"]))
    heights = [float(text.attrib["y"]) for text in root.iter(f"{SVG}text") if text.text in tuple("abc")]
    assert [16, 16] == [below - above for above, below in pairwise(heights)]


@pytest.mark.exhaustive
def test_chart_sheet() -> None:
    """A value lies between the powers of ten around it, and greater is higher and farther right."""
    chart = Chart("title", "across", [Curve("name & more", [(1.0, 1.0), (100.0, 1000.0)], [(10.0, 10.0)])])
    root = ET.fromstring(chart_sheet([chart], columns=1))
    (line,) = root.iter(f"{SVG}polyline")
    (low_x, low_y), (high_x, high_y) = (
        [float(part) for part in pair.split(",")] for pair in line.attrib["points"].split()
    )
    (dot,) = root.iter(f"{SVG}circle")
    assert low_x < float(dot.attrib["cx"]) < high_x
    assert low_y > float(dot.attrib["cy"]) > high_y
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"title", "across", "name & more", "1", "10", "100", "1k"} <= set(texts)
