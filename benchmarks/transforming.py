"""The transform of the lake, against what AWS's own log processor does with a delivery.

AWS's blueprint inflates with `gzip`, reads the envelope with `json`, and joins the messages as they are: no
line is read, checked or hashed, and the lake gets whatever was logged.
https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs.html
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from benchmarks.decoding import RULE
from benchmarks.harness.figure import Figure, Size
from benchmarks.harness.rounds import Contest
from benchmarks.harness.traffic import Traffic, firehose_event, records
from firehose_transform.transform import transform

DELIVERIES_OF_AN_EVENT: Final = 8
"""Their rows fit into one answer."""


def figures(size: Size) -> Iterator[Figure]:
    """The transform against the blueprint."""
    traffic = Traffic(rate=5_000, seconds=size.of(10, 2))
    found = records(traffic)
    starts = range(0, len(found), DELIVERIES_OF_AN_EVENT)
    events = [firehose_event(list(found[start : start + DELIVERIES_OF_AN_EVENT])) for start in starts]
    contest = Contest(
        {"transform": lambda: meter(events), "blueprint": lambda: blueprint(events)}, rounds=size.rounds(9, 5)
    )
    calls = traffic.rate * traffic.seconds
    yield Figure(
        "transform, against AWS's log processor",
        f"the transform's full rows of {calls:,} calls in {len(found)} deliveries",
        "gzip, json.loads of the envelope and the messages joined, as AWS's log processor does",
        contest.times_faster("transform", than="blueprint"),
        1.5,
        details={f"{name}, µs a call": contest.median(name) / calls * 1e6 for name in contest.seconds},
    )


def meter(events: Sequence[dict[str, Any]]) -> None:
    """As the meter does it. No record may be refused: that would be too easy."""
    for event in events:
        answer, _report = transform(event, RULE)
        if any(record["result"] != "Ok" for record in answer["records"]):
            raise AssertionError("a record was refused")


def blueprint(events: Sequence[dict[str, Any]]) -> None:
    """As AWS's log processor does it."""
    for event in events:
        {"records": [_joined(record) for record in event["records"]]}


def _joined(record: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(gzip.decompress(base64.b64decode(record["data"])))
    if document["messageType"] != "DATA_MESSAGE":
        return {"recordId": record["recordId"], "result": "Dropped"}
    joined = "".join([_transformed(event) for event in document["logEvents"]])
    data = base64.b64encode(joined.encode()).decode()
    return {"recordId": record["recordId"], "result": "Ok", "data": data}


def _transformed(event: dict[str, Any]) -> str:
    """The place where the blueprint invites a change, which is a call for each log event."""
    message: str = event["message"]
    return message + "\n"
