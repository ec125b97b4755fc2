"""Traffic that the demo plays when it is given no access log: seeded, heavy-tailed, over a month's end.

Lines have the shape of a REST API's access log with the format that the template exports.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 31, 12, tzinfo=UTC)
SPAN = timedelta(hours=24)

_ROUTES = (
    ("GET", "/v1/forecast/{place}", "/v1/forecast/vienna"),
    ("GET", "/v1/forecast/{place}", "/v1/forecast/lagos?units=metric"),
    ("GET", "/v1/stations", "/v1/stations?limit=50"),
    ("GET", "/v1/stations/{id}/readings", "/v1/stations/4711/readings"),
    ("POST", "/v1/alerts", "/v1/alerts"),
    ("DELETE", "/v1/alerts/{id}", "/v1/alerts/c0ffee"),
)
_AGENTS = ("python-requests/2.32.4", "okhttp/4.12.0", "curl/8.9.1", "Mozilla/5.0 (X11; Linux x86_64)")
_STATUSES = {200: 900, 201: 25, 304: 20, 400: 10, 403: 8, 404: 12, 429: 15, 500: 5, 502: 3, 504: 2}
_UNATTRIBUTED_SHARE = 0.02
_UNREADABLE_SHARE = 0.003
_LATEST_ARRIVAL_SECONDS = 20
_TAIL = 1.1

_CALLERS_TEXTS = ("path", "userAgent")
"""They come first in the format that the template exports."""

Call = dict[str, str]


@dataclass(frozen=True, slots=True)
class TrafficSettings:
    """How much traffic; the same settings give the same lines."""

    calls: int = 20_000
    keys: int = 200
    seed: int = 1
    start: datetime = START
    span: timedelta = SPAN


def generate(settings: TrafficSettings | None = None) -> Iterator[str]:
    """The lines of an access log, in the order in which they were written: calls end out of order, by
    seconds.

    About 2 % of the calls have no API key (``-``), 0.3 % of the lines cannot be read, the rest follow a heavy
    tail over the keys.
    """
    settings = settings or TrafficSettings()
    generator = random.Random(settings.seed)
    keys = [f"{generator.getrandbits(40):010x}" for _ in range(settings.keys)]
    weights = [1 / rank**_TAIL for rank in range(1, settings.keys + 1)]
    owners = generator.choices(keys, weights, k=settings.calls)
    for moment, owner in zip(_moments(settings, generator), owners, strict=True):
        call = _call(moment, owner, generator)
        line = json.dumps(call, separators=(",", ":"))
        yield _spoil(line, call, generator) if generator.random() < _UNREADABLE_SHARE else line


def _moments(settings: TrafficSettings, generator: random.Random) -> list[int]:
    """The calls' times in epoch milliseconds, in the order in which their lines are written."""
    first = int(settings.start.timestamp() * 1000)
    length = int(settings.span.total_seconds() * 1000)
    begun = [first + generator.randrange(length) for _ in range(settings.calls)]
    return sorted(
        begun, key=lambda moment: moment + generator.expovariate(3) * _LATEST_ARRIVAL_SECONDS * 1000
    )


def _call(moment: int, owner: str, generator: random.Random) -> Call:
    method, resource, path = generator.choice(_ROUTES)
    status = generator.choices(list(_STATUSES), list(_STATUSES.values()))[0]
    integration = int(generator.lognormvariate(3.5, 0.8))
    call = {
        "requestId": _uuid(generator),
        "extendedRequestId": f"{generator.getrandbits(60):015x}=",
        "apiId": "a1b2c3d4e5",
        "stage": "prod",
        "apiKeyId": "-" if generator.random() < _UNATTRIBUTED_SHARE else owner,
        "requestTimeEpoch": str(moment),
        "httpMethod": method,
        "resourcePath": resource,
        "path": path,
        "status": str(status),
        "responseLength": str(int(generator.lognormvariate(7, 1.2))) if status != 304 else "-",
        "responseLatency": str(integration + generator.randint(1, 5)),
        "integrationLatency": "-" if status in {403, 429} else str(integration),
        "sourceIp": f"198.51.100.{generator.randrange(1, 255)}",
        "userAgent": generator.choice(_AGENTS),
    }
    return {name: call.pop(name) for name in _CALLERS_TEXTS} | call


def _spoil(line: str, call: Call, generator: random.Random) -> str:
    """The line as a misconfigured stage, or another writer to the log group, would leave it."""
    unreadable: tuple[Callable[[], str], ...] = (
        lambda: line[: generator.randrange(20, len(line) - 1)],
        lambda: f"({call['requestId']}) Method completed with status: {call['status']}",
        lambda: json.dumps({**call, "status": "-"}, separators=(",", ":")),
        lambda: json.dumps({**call, "status": "999"}, separators=(",", ":")),
        lambda: json.dumps([call], separators=(",", ":")),
    )
    return generator.choice(unreadable)()


def _uuid(generator: random.Random) -> str:
    digits = f"{generator.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
