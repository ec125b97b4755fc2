"""The traffic of a soak, and what the counters must hold of it, by code that is not the meter's."""

from __future__ import annotations

import json
import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from local_cloud.stack import LocalCloud
from simulation.soak.clock import SoakClock

KEYS: Final = 8
LIMIT: Final = 10
"""Requests of a key in a month. A new key reaches it each minute: there is always an event to send."""
BURST: Final = 5
"""Times the steady rate."""

_LINES_OF_A_REQUEST: Final = 30
_REMEMBERED: Final = 20
_STATUSES: Final = ("200", "200", "200", "200", "201", "304", "404", "429", "500")

Place = tuple[str, str]
"""A key, and a month or a day."""


class TrafficKind(StrEnum):
    """What the traffic is like."""

    STEADY = "steady"
    BURSTY = "bursty"
    HOSTILE = "hostile"


class SoakTraffic:
    """Writes calls to the access log's group, and follows their deliveries until they are counted."""

    def __init__(self, cloud: LocalCloud, clock: SoakClock, calls_of_a_tick: int, seed: int) -> None:
        self.expected: Counter[Place] = Counter()
        """The requests that the counters must hold when all is counted."""
        self.sent = 0
        """Events so far, each once: calls, lines that cannot be read, and records that cannot be decoded."""
        self.settled = 0
        """Of them, those whose delivery is counted for certain."""
        self.calls = 0
        """Lines so far."""
        self._cloud = cloud
        self._clock = clock
        self._calls_of_a_tick = calls_of_a_tick
        self._random = random.Random(seed)
        self._logs = cloud.client("logs")
        self._logs.create_log_stream(logGroupName=cloud.log_group, logStreamName="soak")
        self._in_flight: dict[bytes, tuple[float, int]] = {}
        self._latest: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._new_events = 0
        cloud.deliveries.listeners.append(self._on_delivery)

    def put(self, kind: TrafficKind, fresh_key: str | None) -> None:
        """Write the calls of a tick; with those by which a new key reaches its limit, if there is one."""
        count = self._calls_of_a_tick * (BURST if kind is TrafficKind.BURSTY else 1)
        lines = [self._call(f"key-{self._rank()}") for _ in range(count)]
        if fresh_key is not None:
            lines += [self._call(fresh_key) for _ in range(LIMIT + 1)]
        for start in range(0, len(lines), _LINES_OF_A_REQUEST):
            some = lines[start : start + _LINES_OF_A_REQUEST]
            self._write(some, new_events=len(some))
        if kind is TrafficKind.HOSTILE:
            self._attack(lines)

    def settle(self, data: bytes) -> float | None:
        """A delivery is counted: how old it is, in seconds. None for a copy."""
        found = self._in_flight.pop(data, None)
        if found is None:
            return None
        put_at, events = found
        self.settled += events
        return self._clock.seconds - put_at

    @property
    def oldest_seconds(self) -> float:
        """How long ago the oldest delivery was put that is not counted; 0 without one."""
        oldest = min((put_at for put_at, _ in self._in_flight.values()), default=self._clock.seconds)
        return self._clock.seconds - oldest

    def _attack(self, lines: list[str]) -> None:
        """Lines that are none, a caller's text that breaks its line, a line written twice, a record that
        cannot be decoded, and a delivery that comes again.
        """
        none = [*self._no_calls()]
        broken = [self._call(f"key-{self._rank()}").replace("curl/8.9.1", "curl\t8.9.1") for _ in range(2)]
        self._write([*none, *broken, self._random.choice(lines)], new_events=len(none) + len(broken))
        junk = self._random.randbytes(40)
        self._count("!undecodable", self._now_ms())
        self._deliver(junk, new_events=1)
        self._deliver(self._random.choice(self._latest), new_events=0)

    def _no_calls(self) -> Iterator[str]:
        for text in ("GET /v1 200", "a,b,c,d,e,f,g", '{"status":"999","requestTimeEpoch":"1"}'):
            self._count("!malformed", self._now_ms())
            yield f"{text} {self._random.getrandbits(32):08x}" if not text.startswith("{") else text

    def _rank(self) -> int:
        """Few keys make most of the calls."""
        return min(int(self._random.paretovariate(0.8)) - 1, KEYS - 1)

    def _call(self, key: str) -> str:
        now = self._now_ms() - self._random.randrange(900)
        self._count(key, now)
        call = {
            "path": "/v1/forecast/vienna",
            "userAgent": "curl/8.9.1",
            "requestId": f"{self._random.getrandbits(128):032x}",
            "extendedRequestId": f"{self._random.getrandbits(60):015x}=",
            "apiId": "a1b2c3d4e5",
            "stage": "prod",
            "apiKeyId": key,
            "requestTimeEpoch": str(now),
            "httpMethod": "GET",
            "resourcePath": "/v1/forecast/{place}",
            "status": self._random.choice(_STATUSES),
            "responseLength": str(self._random.randrange(5_000)),
            "responseLatency": str(self._random.randrange(1, 300)),
        }
        return json.dumps(call, separators=(",", ":"))

    def _count(self, key: str, time_ms: int) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime(time_ms / 1000))
        self.expected.update([(key, day[:7]), (key, day)])

    def _write(self, lines: list[str], new_events: int) -> None:
        self._new_events = new_events
        self._logs.put_log_events(
            logGroupName=self._cloud.log_group,
            logStreamName="soak",
            logEvents=[{"timestamp": self._now_ms(), "message": line} for line in lines],
        )
        self.calls += len(lines)

    def _deliver(self, data: bytes, new_events: int) -> None:
        """Put a record into the stream without CloudWatch Logs."""
        self._new_events = new_events
        self._cloud.stream.put(f"{self._random.getrandbits(64):016x}", data)
        self._follow(data)

    def _on_delivery(self, _stream: str, data: bytes) -> None:
        self._latest.append(data)
        self._follow(data)

    def _follow(self, data: bytes) -> None:
        if self._new_events:
            self._in_flight[data] = self._clock.seconds, self._new_events
            self.sent += self._new_events
        self._new_events = 0

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)
