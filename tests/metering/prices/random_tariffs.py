"""Random tariff files, with the quantities at which they are most likely to be priced wrongly."""

from __future__ import annotations

from random import Random
from typing import Any

METRICS = ("requests", "billable", "errors", "response_bytes", "request_bytes")
MODES = ("half_even", "half_up", "half_down", "up", "down")
ZERO_MONTHS = ("first_tier", "minimum", "nothing", "lago", "openmeter", "stripemeter")
PERS = (1, 1, 1, 10, 1000, 1_000_000, 1_000_000_000, 1024, 2**20, 2**30)


def random_tariff(random: Random) -> dict[str, Any]:
    """A file with one plan `p` of one version, and up to three prices."""
    prices = [random_price(random, f"price-{n}") for n in range(random.randint(1, 3))]
    version = {"version": "v", "valid_from": "2026-01", "prices": prices, **bounds(random, 0.1)}
    rounding = {"digits": random.randint(0, 6), "mode": random.choice(MODES)}
    return {
        "currency": "EUR",
        "rounding": rounding,
        "zero_month": random.choice(ZERO_MONTHS),
        "plans": {"p": [version]},
    }


def random_price(random: Random, name: str) -> dict[str, Any]:
    """A price of any model."""
    model = random.choice(("flat", "graduated", "graduated", "volume", "volume", "package"))
    price = {"id": name, "metric": random.choice(METRICS), "model": model, **bounds(random, 0.15)}
    if random.random() < 0.3:
        price["zero_month"] = random.choice(ZERO_MONTHS)
    if random.random() < 0.3:
        price["free_units"] = magnitude(random)
    if model == "package":
        size = 1 + magnitude(random)
        return price | {"package_price": amount(random), "package_size": size}
    price["per"] = random.choice(PERS)
    return price | (fees(random) if model == "flat" else {"tiers": random_tiers(random)})


def random_tiers(random: Random) -> list[dict[str, Any]]:
    """Up to five tiers, the last one open."""
    up_to, rows = 0, []
    for _ in range(random.randint(0, 4)):
        up_to += 1 + magnitude(random)
        rows.append({"up_to": up_to, **fees(random)})
    return [*rows, fees(random)]


def random_quantities(random: Random, tariff: dict[str, Any]) -> dict[str, int]:
    """For each metric nothing, anything, or the edge of a tier, of the free units or of a package."""
    chosen = dict.fromkeys(METRICS, 0)
    for price in tariff["plans"]["p"][0]["prices"]:
        edges = [tier["up_to"] for tier in price.get("tiers", ()) if "up_to" in tier]
        edges.append(price.get("package_size", 1) * random.randint(0, 5))
        edge = price.get("free_units", 0) + random.choice(edges) + random.randint(-1, 1)
        chosen[price["metric"]] = max(0, random.choice((0, magnitude(random), edge, edge, edge)))
    return chosen


def magnitude(random: Random) -> int:
    """A whole number of any size."""
    return int((random.random() * 10 ** random.randint(0, 12)) + 0.5)


def amount(random: Random) -> str | int:
    """A price as a file may write it."""
    if random.random() < 0.15:
        return random.randint(0, 1000)
    digits = random.randint(1, 9)
    return f"{random.randint(0, 10 ** random.randint(0, 3))}.{random.randint(0, 10**digits - 1):0{digits}d}"


def fees(random: Random) -> dict[str, Any]:
    """A unit price, a flat fee, or both."""
    kind = random.randint(0, 3)
    unit_price = {"unit_price": amount(random)} if kind > 0 else {}
    return unit_price | ({"flat_fee": amount(random)} if kind <= 1 else {})


def bounds(random: Random, likelihood: float) -> dict[str, Any]:
    """A minimum, a maximum, both, or mostly neither."""
    low, high = sorted((random.randint(0, 10**6), random.randint(0, 10**6)))
    bound = {"minimum": f"{low}.25"} if random.random() < likelihood else {}
    return bound | ({"maximum": f"{high}.375"} if random.random() < likelihood else {})
