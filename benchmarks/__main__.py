"""Measures, and shows each figure against its target.

    python -m benchmarks                      # everything, in about 10 minutes: `make bench`
    python -m benchmarks --short              # holds the ratios to the recorded ones, in a minute
    python -m benchmarks --only write         # measurements whose names begin so
    python -m benchmarks --json FILE          # where to write the figures

A whole run writes benchmarks/results.json, and brings table and picture of docs/performance.md up to date;
the others write only where `--json` says. DynamoDB Local must be installed; it listens on all interfaces, so
run this within `tests.private_network`.

Exit code 1: a target is missed that is not known to be; in the short form, a ratio has fallen by more than
a third.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import growth, plots
from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.table import details, table
from benchmarks.suite import RESULTS, fallen, measured, missed, recorded


def main(arguments: Sequence[str]) -> int:
    """Measure and report; returns the exit code."""
    options = _options(arguments)
    begun = time.perf_counter()
    figures = list(measured(Size(short=options.short), options.only))
    print(table(figures), details(figures), sep="\n\n")
    whole = not options.short and not options.only
    points = [point.as_json() for point in growth.measured()] if whole else []
    if path := options.json or (RESULTS if whole else None):
        path.write_text(_document(figures, points, time.perf_counter() - begun))
        if path == RESULTS:
            plots.show()
    if options.short:
        worse = fallen(figures, recorded())
        print(*worse, sep="\n", file=sys.stderr)
        return int(bool(worse))
    return int(bool(missed(figures)))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the meter.")
    parser.add_argument("--short", action="store_true", help="ratios only, in a minute")
    parser.add_argument("--only", default="", metavar="ROW", help="measurements whose names begin so")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    return parser.parse_args(arguments)


def _document(figures: Sequence[Figure], points: Sequence[dict[str, object]], seconds: float) -> str:
    document = {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(seconds),
        "figures": [figure.as_json() for figure in figures],
        "growth": points,
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
