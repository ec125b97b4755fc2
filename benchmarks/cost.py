"""What a million calls cost, by the same arithmetic as `usage-meter estimate`.

Its write units and bytes are held by tests to what DynamoDB Local and the Parquet writer really take.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.harness.figure import Figure, Size
from cli.cost.estimate_session import PRICE_LIST, load_prices
from metering.cost.bill import ACCESS_LOG, by_service
from metering.cost.estimate import estimate
from metering.cost.workload import SECONDS_OF_MONTH, Workload

RATE: Final = 1_000
API_GATEWAY: Final = 3.50
"""Of a million calls of a REST API, in USD: the first tier in us-east-1."""
_MILLION: Final = 1_000_000


def figures(_size: Size) -> Iterator[Figure]:
    """The price of a million calls at 1,000 a second, without the access log itself."""
    found = estimate(Workload(RATE * SECONDS_OF_MONTH, keys=1_000), load_prices(PRICE_LIST))
    millions = RATE * SECONDS_OF_MONTH / _MILLION
    of_service = {service: float(amount) / millions for service, amount in by_service(found.lines).items()}
    without_log = float(found.total_without_log) / millions
    yield Figure(
        "cost",
        f"a million calls at {RATE:,}/s, all services of the meter but the access log: {without_log:.3f} USD",
        f"API Gateway's own price: {API_GATEWAY:.2f} USD",
        without_log / API_GATEWAY,
        0.10,
        at_least=False,
        details={
            f"{service}, USD": amount for service, amount in of_service.items() if service != ACCESS_LOG
        },
    )
