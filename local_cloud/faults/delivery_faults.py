"""Faults on the way into the stream: duplicate deliveries, now and later, and a change of shards."""

import gzip
import json
import random
from collections import Counter, deque
from typing import Any

from local_cloud.kinesis.stream import Stream
from local_cloud.kinesis.subscription_delivery import compress

_COPY_SHARE = 0.05
_RECUT_SHARE = 0.05
_LATE_SHARE = 0.05
_CONTROL_SHARE = 0.02
_LONGEST_DELAY = 200
_REMEMBERED = 8
_FIRST_RESHARD = (3, 20)
_NEXT_RESHARD = (10, 80)
_MOST_OPEN_SHARDS = 8
_HOUR_MS = 3_600_000


class DeliveryFaults:
    """Listens to the deliveries of CloudWatch Logs, and puts more into the stream than it should hold.

    A copy is the same gzip data under a new sequence number, in any shard; a re-cut copy shares only some
    events with a delivery. Some come at once, some up to 200 deliveries later, the last in :meth:`finish`.
    """

    def __init__(self, stream: Stream, generator: random.Random, injected: Counter[str]) -> None:
        self._stream = stream
        self._random = generator
        self._injected = injected
        self._delivered = 0
        self._recent: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._late: list[tuple[int, bytes]] = []
        self._next_reshard = generator.randint(*_FIRST_RESHARD)

    def on_delivery(self, stream_name: str, data: bytes) -> None:
        """Called with a delivery that was just put; those of other streams are left alone."""
        if stream_name != self._stream.name:
            return
        self._delivered += 1
        self._recent.append(data)
        self._copy(data)
        self._put_late(self._delivered)
        if self._delivered >= self._next_reshard:
            self._reshard()

    def finish(self) -> None:
        """Put what is still late, and change the shards if that has not happened yet."""
        if "shard_split" not in self._injected or "shard_merge" not in self._injected:
            self._split()
            self._put_late(None)
            self._merge()
        self._put_late(None)

    def _copy(self, data: bytes) -> None:
        if self._chance(_COPY_SHARE):
            self._put("duplicate_delivery", data)
        if self._chance(_RECUT_SHARE):
            self._put("recut_delivery", self._recut())
        if self._chance(_CONTROL_SHARE):
            self._put("control_message", compress(_control_message(data)))
        if self._chance(_LATE_SHARE):
            late = data if self._chance(0.5) else self._recut()
            self._late.append((self._delivered + self._random.randint(1, _LONGEST_DELAY), late))

    def _put_late(self, until: int | None) -> None:
        due = [(when, data) for when, data in self._late if until is None or when <= until]
        self._late = [entry for entry in self._late if entry not in due]
        for _, data in due:
            self._put("late_duplicate", data)

    def _put(self, kind: str, data: bytes) -> None:
        self._stream.put(f"{self._random.getrandbits(128):032x}", data)
        self._injected[kind] += 1

    def _recut(self) -> bytes:
        """A delivery of some events of the latest, and perhaps of some of another of the same hour."""
        latest, other = (_read(data) for data in (self._recent[-1], self._random.choice(self._recent)))
        events = self._some(latest["logEvents"])
        if _is_near(latest, other):
            known = {event["id"] for event in events}
            events += [event for event in self._some(other["logEvents"]) if event["id"] not in known]
        return compress({**latest, "logEvents": events})

    def _some(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        chosen = sorted(self._random.sample(range(len(events)), self._random.randint(1, len(events))))
        return [events[index] for index in chosen]

    def _reshard(self) -> None:
        if self._chance(0.5) and len(self._stream.open_shards()) < _MOST_OPEN_SHARDS:
            self._split()
        else:
            self._merge()
        self._next_reshard = self._delivered + self._random.randint(*_NEXT_RESHARD)

    def _split(self) -> None:
        shard = self._random.choice(self._stream.open_shards())
        width = shard.last_hash - shard.first_hash
        self._stream.split(shard.id, shard.first_hash + 1 + self._random.randrange(1, width - 1))
        self._injected["shard_split"] += 1

    def _merge(self) -> None:
        shards = self._stream.open_shards()
        if len(shards) < 2:
            self._split()
            shards = self._stream.open_shards()
        index = self._random.randrange(len(shards) - 1)
        self._stream.merge(shards[index].id, shards[index + 1].id)
        self._injected["shard_merge"] += 1

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def _read(data: bytes) -> dict[str, Any]:
    delivery: dict[str, Any] = json.loads(gzip.decompress(data))
    return delivery


def _is_near(one: dict[str, Any], other: dict[str, Any]) -> bool:
    apart: int = one["logEvents"][0]["timestamp"] - other["logEvents"][0]["timestamp"]
    return abs(apart) < _HOUR_MS


def _control_message(data: bytes) -> dict[str, Any]:
    """What CloudWatch Logs sends to see whether a destination can be reached."""
    message = "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."
    event = {"id": "", "timestamp": _read(data)["logEvents"][0]["timestamp"], "message": message}
    return {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [event],
    }
