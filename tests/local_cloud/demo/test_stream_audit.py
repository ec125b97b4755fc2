"""What a stream holds."""

from local_cloud.demo.stream_audit import StreamContents, audit
from local_cloud.kinesis.stream import Stream
from metering.billing_rule import BillingRule
from metering.period import Period
from tests.factories import NOON_MS, control_message, delivery, line, lines

DAY_MS = 86_400_000


def test_each_event_is_one_however_often_it_was_put() -> None:
    """Copies count as log events; what cannot be decoded is an event each; control messages are nothing."""
    stream = Stream("calls", 2)
    next_day = line(extendedRequestId="later", requestTimeEpoch=str(NOON_MS + DAY_MS))
    for data in (
        delivery(lines(3)),
        delivery(lines(3)),
        delivery(lines(2)),
        delivery([next_day]),
        b"no gzip",
        b"no gzip",
        control_message(),
    ):
        stream.put("a key", data)

    contents = audit(stream, BillingRule())

    assert (11, 6, 2) == (contents.log_events, contents.distinct_events, contents.undecodable_events)
    assert 3 == contents.distinct_log_events, "numbered from 0 in each delivery"
    assert {Period("2026-10"), Period("2026-11")} <= set(contents.months)
    assert sorted(contents.months) == list(contents.months)


def test_closed_shards_are_read_too() -> None:
    """What was put before a change of shards stays."""
    stream = Stream("calls", 1)
    stream.put("a key", delivery(lines(3)))
    stream.split("shardId-000000000000", 2**127)

    assert 3 == audit(stream, BillingRule()).distinct_events


def test_an_empty_stream() -> None:
    """It holds nothing."""
    assert StreamContents(0, 0, 0, 0, ()) == audit(Stream("calls", 1), BillingRule())
