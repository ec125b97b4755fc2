"""How `usage-meter estimate` answers."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from cli.common.output import Output
from cli.common.terminal import table
from cli.common.yaml_file import read_yaml
from metering.cost.bill import ACCESS_LOG, by_service
from metering.cost.estimate import Estimate, advice, estimate
from metering.cost.price_list import PriceList, read_price_list
from metering.cost.workload import Workload
from metering.errors import Misconfigured
from metering.strict_yaml import UnreadableYaml

PRICE_LIST: Final = Path(__file__).resolve().parent / "prices" / "us-east-1.yaml"

_MILLION: Final = 1_000_000


def run(workload: Workload, meters: int, price_list: Path | None, out: Output) -> None:
    """Print the estimate, and write it.

    Raises:
        Misconfigured: the price list cannot be used.
    """
    prices = load_prices(price_list or PRICE_LIST)
    found = estimate(workload, prices, meters)
    hints = list(advice(found, prices))
    screen = out.picture()
    _show_needs(screen, found)
    _show_costs(screen, found, prices)
    for hint in hints:
        screen.print(f"- {hint}")
    out.write(document(found, prices, hints))


def load_prices(path: Path) -> PriceList:
    """The price list in a file.

    Raises:
        Misconfigured: it is no YAML, or no price list.
    """
    try:
        document = read_yaml(path)
    except UnreadableYaml as unreadable:
        raise Misconfigured([unreadable.fault]) from unreadable
    if document.faults:
        raise Misconfigured([f"{path}, {fault}" for fault in document.faults])
    return read_price_list(document.value)


def document(found: Estimate, prices: PriceList, hints: list[str]) -> dict[str, Any]:
    """The estimate as JSON: money as text, since a float would round it."""
    return {
        "workload": asdict(found.workload),
        "meters": found.meters,
        "each_meter": {"sizing": asdict(found.sizing), "units_per_month": asdict(found.units)},
        "prices": {"region": prices.region, "currency": prices.currency, "as_of": prices.as_of.isoformat()},
        "cost_by_service": {name: _cents(amount) for name, amount in by_service(found.lines).items()},
        "cost": _cents(found.total),
        "cost_without_access_log": _cents(found.total_without_log),
        "api_gateway": _cents(found.api_gateway),
        "http_api": _cents(found.http_api),
        "hints": hints,
    }


def _cents(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _show_needs(screen: Console, found: Estimate) -> None:
    size = found.sizing
    needs = table("The busiest hour needs", "", numbers=("",))
    rows = {
        "calls a second": f"{size.calls_per_second * found.meters:,.1f}",
        "meters": f"{found.meters:,}",
        "shards": f"{size.shards * found.meters:,}",
        "invocations at a time, at most": f"{size.concurrency * found.meters:,}",
        "write units a second": f"{size.write_units_per_second * found.meters:,.0f}",
        "ledger lanes": f"{size.lanes:,}",
        "stream processor busy": f"{size.busy_share:.0%}",
        "headroom of the busiest key's counter": f"{size.hot_key_headroom:,.1f} x",
        "headroom of the busiest ledger page": f"{size.hot_page_headroom:,.1f} x",
    }
    for name, value in rows.items():
        needs.add_row(name, value)
    screen.print(needs)
    screen.print()


def _show_costs(screen: Console, found: Estimate, prices: PriceList) -> None:
    heading = f"{prices.currency} a month"
    costs = table("Cost", heading, "a million calls", numbers=(heading, "a million calls"))
    millions = Decimal(found.workload.calls_per_month) / _MILLION
    services = by_service(found.lines)
    for name in sorted(services, key=lambda name: -services[name]):
        costs.add_row(_labelled(name), f"{services[name]:,.2f}", f"{services[name] / millions:,.4f}")
    costs.add_row("all", f"{found.total:,.2f}", f"{found.total / millions:,.4f}")
    costs.add_row(
        "all but the access log",
        f"{found.total_without_log:,.2f}",
        f"{found.total_without_log / millions:,.4f}",
    )
    for kind, amount in (("REST", found.api_gateway), ("HTTP", found.http_api)):
        costs.add_row(f"API Gateway's own bill, {kind} API", f"{amount:,.2f}", f"{amount / millions:,.4f}")
    screen.print(costs)
    rest, http = (found.total_without_log / amount for amount in (found.api_gateway, found.http_api))
    screen.print(
        f"\nThe meter adds {rest:.1%} to API Gateway's bill of a REST API, {http:.1%} to an HTTP API's."
    )
    screen.print(f"List prices of {prices.region}, {prices.as_of}; no free tiers, no discounts.")


def _labelled(service: str) -> str:
    return f"{service} (also without a meter)" if service == ACCESS_LOG else service
