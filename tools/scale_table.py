"""The table of docs/scale.md: what the meter needs and costs at each order of magnitude.

`python -m tools.scale_table` writes it into the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cli.cost.estimate_session import PRICE_LIST, load_prices
from metering.cost.estimate import Estimate, estimate
from metering.cost.workload import SECONDS_OF_MONTH, Workload
from tools.build_lambda import ROOT

PAGE: Final = ROOT / "docs" / "scale.md"
_TABLE: Final = re.compile(r"^\| calls, on average .*\n(?:\|.*\n)+", re.MULTILINE)

ROWS: Final = (
    ("a million a month", Workload(10**6, 10), 1),
    ("10 a second", Workload(10 * SECONDS_OF_MONTH, 40), 1),
    ("100 a second", Workload(100 * SECONDS_OF_MONTH, 200), 1),
    ("1,000 a second", Workload(1_000 * SECONDS_OF_MONTH, 1_000), 1),
    ("10,000 a second", Workload(10_000 * SECONDS_OF_MONTH, 5_000, write_concurrency=32), 1),
    (
        "100,000 a second",
        Workload(100_000 * SECONDS_OF_MONTH, 20_000, window_seconds=15, write_concurrency=64),
        8,
    ),
    (
        "a million a second",
        Workload(1_000_000 * SECONDS_OF_MONTH, 100_000, window_seconds=30, write_concurrency=64),
        64,
    ),
)
"""Calls, the workload, and the meters that share it."""

HEADINGS: Final = (
    "calls, on average",
    "keys",
    "settings",
    "shards",
    "write units per 1,000 calls",
    "write units/s at the peak",
    "USD a month",
    "a million calls",
    "of API Gateway's bill",
)


def scale_table() -> str:
    """The table, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    prices = load_prices(PRICE_LIST)
    yield _line(HEADINGS)
    yield _line(["---"] * 3 + ["--:"] * 6)
    for name, workload, meters in ROWS:
        yield _line([name, f"{workload.keys:,}", *_cells(estimate(workload, prices, meters))])


def _cells(found: Estimate) -> list[str]:
    calls = found.workload.calls_per_month
    units = found.units.write_units * found.meters
    return [
        _settings(found),
        f"{found.sizing.shards * found.meters:,}",
        f"{units / calls * 1000:,.0f}",
        f"{found.sizing.write_units_per_second * found.meters:,.0f}",
        f"{found.total_without_log:,.0f}",
        f"{found.total_without_log / calls * 1_000_000:,.2f}",
        f"{found.total_without_log / found.api_gateway:.0%}",
    ]


def _settings(found: Estimate) -> str:
    default = Workload(1, 1)
    chosen = {
        "meters": (found.meters, 1),
        "window": (found.workload.window_seconds, default.window_seconds),
        "writers": (found.workload.write_concurrency, default.write_concurrency),
        "lanes": (found.sizing.lanes, 1),
    }
    return (
        ", ".join(f"{name} {value}" for name, (value, usual) in chosen.items() if value != usual)
        or "defaults"
    )


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Replace the table of the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: scale_table() + "\n", page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
