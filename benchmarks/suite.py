"""All measurements, by the name that `--only` takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import (
    cold_start,
    cost,
    deciding,
    decoding,
    freshness,
    full_shard,
    lake,
    looking_up,
    reconciling,
    transforming,
    write_units,
)
from benchmarks.harness.figure import Figure, Measurement, Size

RESULTS: Final = Path(__file__).resolve().parent / "results.json"
"""What the last full run on a quiet machine gave; the short form is held to it."""

MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "decode": decoding.figures,
    "transform": transforming.figures,
    "write-units": write_units.figures,
    "full-shard": full_shard.figures,
    "cold-start": cold_start.figures,
    "lake": lake.figures,
    "cost": cost.figures,
    "freshness": freshness.figures,
    "authorizer": deciding.figures,
    "look-ups": looking_up.figures,
    "reconciliation": reconciling.figures,
}
IN_SHORT_FORM: Final = ("decode", "transform", "write-units", "cold-start", "lake", "cost")
"""Those whose figures are ratios or counts, which mean the same on every machine."""
COUNTED: Final = ("write-units", "lake", "cost")
"""Those of them that no clock has a part in: they give the same on a busy machine."""
ON_DYNAMODB_LOCAL: Final = ("write-units",)
KNOWN_MISSES: Final = ("transform, against AWS's log processor",)
"""Figures that do not reach their target, each with its reason in docs/performance.md."""


def measured(size: Size, only: str = "") -> Iterator[Figure]:
    """The figures of all measurements whose names begin with `only`."""
    for name, measurement in MEASUREMENTS.items():
        if name.startswith(only) and (name in IN_SHORT_FORM or not size.short):
            yield from measurement(size)


def document(path: Path = RESULTS) -> dict[str, Any]:
    """What was recorded, whole."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def recorded(path: Path = RESULTS) -> dict[str, float]:
    """The recorded values, by the names of their figures."""
    return {figure["name"]: figure["value"] for figure in document(path)["figures"]}


def missed(figures: Iterable[Figure]) -> list[str]:
    """The figures that do not reach their target, and of which nobody has said why."""
    return [figure.name for figure in figures if not figure.holds and figure.name not in KNOWN_MISSES]


def fallen(figures: Iterable[Figure], values: Mapping[str, float]) -> list[str]:
    """A sentence for each figure that is worse than the recorded one by more than a third."""
    return [
        f"{figure.name}: {figure.value:.3g} {figure.unit}, and {values[figure.name]:.3g} was recorded"
        for figure in figures
        if figure.is_ratio and figure.name in values and figure.has_fallen(values[figure.name])
    ]
