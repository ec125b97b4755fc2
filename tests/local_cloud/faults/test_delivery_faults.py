"""Faults on the way into the stream."""

import gzip
import json
import random
from collections import Counter
from typing import Any

import pytest

from local_cloud.faults.delivery_faults import DeliveryFaults
from local_cloud.kinesis.stream import Stream
from local_cloud.kinesis.subscription_delivery import compress


def play(seed: int, deliveries: int = 400, finish: bool = True) -> tuple[Stream, Counter[str]]:
    """A stream with that many deliveries of ten events, and what was injected."""
    stream, injected = Stream("calls", 4), Counter[str]()
    faults = DeliveryFaults(stream, random.Random(seed), injected)
    for number in range(deliveries):
        data = delivery(number)
        stream.put(str(number), data)
        faults.on_delivery("calls", data)
    if finish:
        faults.finish()
    return stream, injected


def delivery(number: int) -> bytes:
    """Ten events a minute."""
    events = [{"id": f"{number}-{i}", "timestamp": number * 60_000 + i, "message": "m"} for i in range(10)]
    return compress({"messageType": "DATA_MESSAGE", "logEvents": events})


def read(stream: Stream) -> list[dict[str, Any]]:
    """All deliveries in the stream, by sequence number."""
    records = [record for shard in stream.shards.values() for record in shard.records]
    return [
        json.loads(gzip.decompress(record.data))
        for record in sorted(records, key=lambda r: r.sequence_number)
    ]


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_kind_is_injected_and_no_event_is_invented(seed: int) -> None:
    """Copies, re-cut and late ones, control messages, both changes of shards; all events are known ones."""
    stream, injected = play(seed)

    assert {
        "duplicate_delivery",
        "recut_delivery",
        "late_duplicate",
        "control_message",
        "shard_split",
        "shard_merge",
    } == set(injected)
    events = Counter(
        e["id"] for d in read(stream) if d["messageType"] == "DATA_MESSAGE" for e in d["logEvents"]
    )
    assert {f"{number}-{i}" for number in range(400) for i in range(10)} == set(events)
    assert max(events.values()) > 1


@pytest.mark.parametrize("deliveries", [1, 2, 5])
def test_a_short_log_sees_a_change_of_shards_too(deliveries: int) -> None:
    """At the latest when the log is finished."""
    _, injected = play(1, deliveries)

    assert injected["shard_split"] > 0
    assert injected["shard_merge"] > 0


def test_recut_copies_share_only_some_events() -> None:
    """A copy is not always a whole delivery, and may mix two of the same hour; ids repeat in none."""
    recut = [d for d in read(play(1)[0]) if 0 < len(d["logEvents"]) != 10]

    assert recut
    sources = [{event["id"].partition("-")[0] for event in d["logEvents"]} for d in recut]
    assert any(len(source) == 2 for source in sources)
    for copy in recut:
        ids = [event["id"] for event in copy["logEvents"]]
        assert len(ids) == len(set(ids))
        assert abs(copy["logEvents"][0]["timestamp"] - copy["logEvents"][-1]["timestamp"]) < 3_600_000


def test_late_copies_come_late_and_all_come() -> None:
    """Some overtake nothing for a hundred deliveries; finishing puts the rest."""
    before, after = play(3, finish=False)[1]["late_duplicate"], play(3)[1]["late_duplicate"]

    assert 0 < before < after


def test_the_seed_decides() -> None:
    """The same seed injects the same, another seed something else."""
    assert play(4)[1] == play(4)[1] != play(5)[1]


def test_other_streams_are_left_alone() -> None:
    """Only the stream it was made for."""
    injected: Counter[str] = Counter()
    faults = DeliveryFaults(Stream("calls", 1), random.Random(1), injected)

    for number in range(200):
        faults.on_delivery("others", delivery(number))

    assert {} == injected
