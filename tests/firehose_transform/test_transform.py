"""The transform keeps Firehose's contract, and what it answers is what the counters count."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_transform.transform import (
    ANSWER_LIMIT,
    AnswerRecord,
    TransformReport,
    TransformResponse,
    transform,
)
from metering.billing_rule import BillingRule
from metering.calls.event_id import event_hash
from metering.calls.record import StreamRecord, read_record
from tests.factories import (
    KEY,
    NOON_MS,
    SHARD,
    control_message,
    delivery,
    envelope,
    firehose_event,
    kpl_aggregate,
    line,
    lines,
    log_event,
    sequence_number,
    zipped,
)

RULE = BillingRule()
UNDECODABLE = [
    b"",
    b"no gzip",
    b"\x1f\x8b no gzip",
    delivery(lines(2))[:-9],
    zipped("[]"),
    zipped("no JSON"),
    delivery(messageType="OTHER_MESSAGE"),
    kpl_aggregate([line().encode()])[:-1],
    b'{"status": "seven"}',
]


def answered(*data: bytes, **where: Any) -> tuple[list[AnswerRecord], TransformReport]:
    """What the transform answers about records, within the bound and with every record in its place."""
    event = firehose_event(data, **where)
    answer, report = transform(event, RULE)
    assert_kept(event, answer)
    return answer["records"], report


def assert_kept(event: dict[str, Any], answer: TransformResponse, limit: int = ANSWER_LIMIT) -> None:
    """The contract: every record once, in order, by its id; and no more bytes than Lambda lets out."""
    assert [record["recordId"] for record in event["records"]] == [
        one["recordId"] for one in answer["records"]
    ]
    assert len(json.dumps(answer)) <= limit


def rows(record: AnswerRecord) -> list[dict[str, Any]]:
    """The rows of an answered record."""
    content = base64.b64decode(record["data"], validate=True)
    assert content.endswith(b"\n")
    return [json.loads(row) for row in content.splitlines()]


class TestRecords:
    def test_delivery(self) -> None:
        """A delivery becomes a row for each log event, in their order."""
        (record,), report = answered(delivery([*lines(2), "no line"]))
        assert "Ok" == record["result"]
        assert [KEY, KEY, "!malformed"] == [row["apikeyid"] for row in rows(record)]
        assert (1, 3, 1) == (report.records, report.rows, report.malformed)
        assert len(base64.b64decode(record["data"])) == report.row_bytes

    def test_bare_line(self) -> None:
        """A bare access-log line becomes a row: logged when it arrived, and named after its record."""
        data = line(extendedRequestId="-", requestTimeEpoch="-").encode()
        (record,), _ = answered(data, arrived_at_ms=NOON_MS + 17)
        (row,) = rows(record)
        assert f"{SHARD}:{sequence_number()}" == row["eventid"]
        assert "2026-10-31 12:00:00.017" == row["eventtime"]

    @pytest.mark.parametrize("data", [control_message(), delivery([])])
    def test_nothing_in_it(self, data: bytes) -> None:
        """What holds no log event is dropped: a control message, an empty delivery."""
        (record,), report = answered(data)
        assert {"recordId": record["recordId"], "result": "Dropped"} == record
        assert (1, 0) == (report.empty, report.rows)

    @pytest.mark.parametrize("data", UNDECODABLE)
    def test_undecodable(self, data: bytes) -> None:
        """What cannot be decoded goes under the error prefix, by name and with the reason in the report."""
        (record,), report = answered(data)
        assert {"recordId": record["recordId"], "result": "ProcessingFailed"} == record
        (failure,) = report.undecodable
        assert f"{SHARD}:{sequence_number()}" == failure.record_id
        assert failure.reason

    def test_neighbours(self) -> None:
        """Records do not touch one another: each has its own fate, in its own place."""
        records, report = answered(
            delivery(lines(1)), b"", control_message(), delivery([""]), line().encode()
        )
        assert ["Ok", "ProcessingFailed", "Dropped", "Ok", "Ok"] == [record["result"] for record in records]
        assert (5, 3, 1, 1) == (report.records, report.rows, report.empty, len(report.undecodable))

    def test_no_records(self) -> None:
        """An event without records is answered by none."""
        assert ([], TransformReport()) == answered()

    def test_bug(self) -> None:
        """An event that Firehose would never send is no undecodable record: the invocation fails."""
        event = firehose_event([delivery(lines(1))])
        del event["records"][0]["data"]
        with pytest.raises(KeyError, match="data"):
            transform(event, RULE)


class TestPartition:
    def test_over_midnight(self) -> None:
        """The partition is the day in the middle of the calls' own times: a delivery stays whole."""
        midnight = NOON_MS + 43_200_000
        first = line(requestTimeEpoch=str(midnight - 1))
        content = [log_event(first, timestamp=midnight + 5), log_event(line(requestTimeEpoch=str(midnight)))]
        (record,), _ = answered(delivery(content))
        assert {"year": "2026", "month": "10", "day": "31"} == record["metadata"]["partitionKeys"]
        assert 2 == len(rows(record))

    def test_malformed_first(self) -> None:
        """A malformed line counts at the time at which it was logged, here too."""
        (record,), _ = answered(delivery([log_event("no line", timestamp=NOON_MS + 86_400_000)]))
        assert {"year": "2026", "month": "11", "day": "01"} == record["metadata"]["partitionKeys"]


class TestLongTexts:
    def test_long_agents(self) -> None:
        """600 calls with agents of 9 KB make no delivery too large."""
        content = [*lines(600, userAgent="A" * 9000), line(extendedRequestId="honest")]
        (record,), report = answered(delivery(content))
        assert ("Ok", 601) == (record["result"], report.rows)

    def test_long_lines_that_are_none(self) -> None:
        """Are kept whole as long as there is room, and cut otherwise."""
        (few,), _ = answered(delivery(["x" * 9000]))
        (many,), report = answered(delivery(["x" * 9000] * 1000))
        assert "x" * 9000 == rows(few)[0]["raw"]
        assert (1000, "Ok") == (report.malformed, many["result"])
        assert {1024} == {len(row["raw"]) for row in rows(many)}


class TestNames:
    def nameless(self, event: dict[str, Any]) -> list[str]:
        """The event ids of the rows that an event's records become."""
        answer, _ = transform(event, RULE)
        return [row["eventid"] for record in answer["records"] for row in rows(record)]

    @pytest.mark.parametrize(
        "data",
        [
            line(extendedRequestId="-").encode(),
            delivery([log_event(line(extendedRequestId=None), id=None), log_event("no line", id="")]),
        ],
    )
    @pytest.mark.parametrize("place", [0, 3])
    def test_same_as_counters(self, data: bytes, place: int) -> None:
        """An event without an id has the name that the stream processor gives it, in an aggregate too."""
        aggregate = kpl_aggregate([delivery([])] * place + [data])
        calls = read_record(StreamRecord(SHARD, int(sequence_number()), aggregate, NOON_MS), RULE).calls
        event = firehose_event([data])
        event["records"][0]["kinesisRecordMetadata"]["subsequenceNumber"] = place
        names = self.nameless(event)
        assert [call.event_id for call in calls] == names
        assert [call.event_hash for call in calls] == [event_hash(name) for name in names]

    def test_direct_put(self) -> None:
        """A record that came through no stream, as the console's test events, is named by Firehose's id."""
        event = firehose_event([line(extendedRequestId="-").encode()])
        del event["records"][0]["kinesisRecordMetadata"]
        assert [event["records"][0]["recordId"]] == self.nameless(event)

    @pytest.mark.parametrize("number", ["", None])
    def test_no_subsequence(self, number: str | None) -> None:
        """A record that is no aggregate may have no number within one."""
        event = firehose_event([line(extendedRequestId="-").encode()])
        event["records"][0]["kinesisRecordMetadata"]["subsequenceNumber"] = number
        assert [f"{SHARD}:{sequence_number()}"] == self.nameless(event)


class TestLimit:
    def test_too_large(self) -> None:
        """A record whose rows exceed the answer goes under the error prefix, named and explained; others are
        as they would be without it.
        """
        large = delivery(lines(11_000, userAgent="Mozilla/5.0" * 10))
        records, report = answered(delivery(lines(1)), large, delivery(lines(1)))
        assert ["Ok", "ProcessingFailed", "Ok"] == [record["result"] for record in records]
        (failure,) = report.too_large
        assert f"{SHARD}:{sequence_number(1)}" == failure.record_id
        assert "11000 rows of" in failure.reason
        assert (2, 0) == (report.rows, len(report.undecodable))

    def test_many_events(self) -> None:
        """What inflates to more log events than rows could fit is not even made into rows."""
        content = json.dumps(envelope()).replace(
            "[]}", "[" + ",".join(['{"id":"1","timestamp":1,"message":""}'] * 50_000) + "]}"
        )
        (record,), report = answered(zipped(content))
        assert "ProcessingFailed" == record["result"]
        assert report.too_large[0].reason.startswith("50000 log events do not fit")

    def test_room_is_shared(self) -> None:
        """Records take the room of the answer in their order, until one does not fit."""
        event = firehose_event([delivery(lines(3))] * 4)
        (alone, *_), _ = answered(delivery(lines(3)))
        limit = 64 + 4 * (256 + len(alone["recordId"])) + 3 * len(alone["data"]) - 1
        answer, report = transform(event, RULE, limit)
        assert_kept(event, answer, limit)
        assert ["Ok", "Ok", *["ProcessingFailed"] * 2] == [record["result"] for record in answer["records"]]
        assert (6, 2) == (report.rows, len(report.too_large))

    @given(
        st.lists(st.one_of(st.integers(0, 40), st.just(-1)), max_size=12),
        st.integers(0, 40_000),
    )
    def test_never_exceeded(self, sizes: list[int], spare: int) -> None:
        """Whatever comes, the answer stays within its bound, and every record that is `Ok` is whole."""
        event = firehose_event([b"" if size < 0 else delivery(lines(size)) for size in sizes])
        limit = 64 + 400 * len(sizes) + spare
        answer, report = transform(event, RULE, limit)
        assert_kept(event, answer, limit)
        kept = [
            (size, len(rows(record)))
            for size, record in zip(sizes, answer["records"], strict=True)
            if record["result"] == "Ok"
        ]
        assert all(sent == found for sent, found in kept)
        assert report.rows == sum(found for _, found in kept)
        assert len(sizes) == len(kept) + report.empty + len(report.undecodable) + len(report.too_large)
