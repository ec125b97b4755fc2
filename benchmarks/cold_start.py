"""Cold starts: what importing each handler costs, against importing boto3 alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from adapters.settings.process import inherited
from benchmarks.harness.figure import Figure, Size

_ROOT: Final = Path(__file__).resolve().parent.parent
_ALONE: Final = "boto3"
_IMPORT: Final = "import time; begun = time.process_time(); import {0}; print(time.process_time() - begun)"


def figures(size: Size) -> Iterator[Figure]:
    """The slowest handler, with all of them in its details."""
    modules = handlers()
    seconds: dict[str, list[float]] = {module: [] for module in (_ALONE, *modules)}
    for _ in range(size.rounds(9, 3)):
        for module, taken in seconds.items():
            taken.append(_seconds(module))
    times = {
        module: median(one / alone for one, alone in zip(seconds[module], seconds[_ALONE], strict=True))
        for module in modules
    }
    slowest = max(times, key=times.__getitem__)
    milliseconds = {f"{module}, ms": median(taken) * 1000 for module, taken in seconds.items()}
    yield Figure(
        "cold start",
        f"importing the slowest handler of {len(modules)}: {slowest}",
        "importing boto3 alone",
        times[slowest],
        2.5,
        at_least=False,
        details={**times, **milliseconds},
    )


def handlers() -> list[str]:
    """The handler modules of all functions."""
    return sorted(f"{path.parent.name}.handler" for path in _ROOT.glob("*/handler.py"))


def _seconds(module: str) -> float:
    """The processor time of an import, in a process of its own."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", _IMPORT.format(module)],
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=inherited(),
    )
    return float(done.stdout)
