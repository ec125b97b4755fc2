"""Records under the error prefix."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from metering.period import Period
from reconciliation.lake.firehose_errors import read_error_object, tally, waiting_hashes
from reconciliation.model.failed_records import FailedRecords
from tests.factories import NOON_MS, control_message, delivery, kpl_aggregate, lines

OCTOBER = Period("2026-10")
NOON = round(datetime(2026, 10, 31, 12, tzinfo=UTC).timestamp() * 1000)
HALF_A_DAY = 43_200_000
FAILED = "errors/processing-failed/year=2026/month=10/day=31/usage-meter-1-2026-10-31-12-00-00-x"


def document(data: bytes, arrived_at: int = NOON, **more: Any) -> bytes:
    """What Firehose writes of a record that its transform did not process."""
    content = {
        "attemptsMade": 4,
        "arrivalTimestamp": arrived_at,
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "attemptEndingTimestamp": arrived_at + 60_000,
        "rawData": base64.b64encode(data).decode(),
        "lambdaArn": "arn:aws:lambda:us-east-1:123456789012:function:transform:$LATEST",
        **more,
    }
    return json.dumps(content).encode()


def tallied(objects: Iterable[tuple[str, bytes]], month: Period) -> FailedRecords:
    """What lies under the error prefix: objects by name and content."""
    return tally([(name, read_error_object(name, body)) for name, body in objects], month)


def test_nothing() -> None:
    """No objects, or empty ones."""
    assert FailedRecords() == tallied([], OCTOBER)
    assert FailedRecords(objects=1) == tallied([(FAILED, b"\n")], OCTOBER)


def test_undecodable() -> None:
    """Of the month alone, by the time of arrival; documents may stand without line ends between them."""
    body = (
        document(b"junk", NOON + HALF_A_DAY - 1)
        + document(b"other")
        + b"\n"
        + document(b"x", NOON + HALF_A_DAY)
    )
    found = tallied([(FAILED, body)], OCTOBER)
    assert FailedRecords(at_least=2, at_most=2, objects=1) == found


def test_repeated() -> None:
    """Firehose may write a record twice; two records may be equal. What was counted decides."""
    found = tallied([(FAILED, document(b"junk") * 2), (FAILED, document(b"junk"))], OCTOBER)
    assert (1, 3) == (found.at_least, found.at_most)
    assert [1, 1, 2, 3, 3] == [found.nearest(counted) for counted in (0, 1, 2, 3, 4)]


def test_waiting() -> None:
    """What holds calls only waits to be redriven, of whatever month; a control message is nothing at all."""
    raw = document(delivery(lines(3))) + document(delivery(lines(1)), 0) + document(control_message())
    rows = document(b'{"eventid": "1"}\n')
    found = tallied([(FAILED, raw), ("errors/format-conversion-failed/x", rows)], OCTOBER)
    assert FailedRecords(waiting=3, waiting_since_ms=0, objects=2) == found


def test_aggregate() -> None:
    """An aggregate of the Producer Library can be both."""
    found = tallied([(FAILED, document(kpl_aggregate([delivery(lines(1)), b"junk", b"junk"])))], OCTOBER)
    assert FailedRecords(at_least=2, at_most=2, waiting=1, waiting_since_ms=NOON_MS, objects=1) == found


def test_what_firehose_does_not_write() -> None:
    """It is named, and the others are read."""
    bodies = [
        b"junk",
        b"[]",
        b"{}",
        b'{"rawData": "?", "arrivalTimestamp": 1}',
        b"\xff",
        document(b"junk", arrivalTimestamp="x"),
    ]
    objects = [(f"errors/processing-failed/{number}", body) for number, body in enumerate(bodies)]
    found = tallied([*objects, (FAILED, document(b"junk"))], OCTOBER)
    assert [name for name, _ in objects] == found.unreadable
    assert (1, 7) == (found.at_least, found.objects)


def test_damage_hides_nothing_else() -> None:
    """Of an object with a damaged line the others are read all the same; it is named once."""
    body = b"\n".join([document(b"junk"), b"{damaged", b"\xff", document(b"other junk")])
    found = tallied([(FAILED, body)], OCTOBER)
    assert (2, [FAILED]) == (found.at_least, found.unreadable)
    assert [] == list(waiting_hashes(b"{damaged"))
