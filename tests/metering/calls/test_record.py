"""A record of the stream, whatever it holds: its calls, each once."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.billing_rule import BillingRule
from metering.calls.call import Call
from metering.calls.delivery import Delivery, LogEvent
from metering.calls.event_id import event_hash
from metering.calls.notes import Doubt, Reason
from metering.calls.record import ReadRecord, StreamRecord, read_record, read_user_record
from metering.errors import Undecodable
from metering.outcome import MALFORMED_KEY, UNDECODABLE_KEY, Outcome
from metering.period import begins_at, ends_at, hour_at
from metering.usage import Usage, total
from tests.factories import (
    KEY,
    NOON_MS,
    SHARD,
    control_message,
    delivery,
    envelope,
    kpl_aggregate,
    line,
    lines,
    log_event,
    sealed,
    sequence_number,
    stream_record,
    zipped,
)
from tests.recorded import recorded

RULE = BillingRule()
NAME = f"{SHARD}:{sequence_number()}"
GOOD = lines(4)
GOOD_IDS = [json.loads(one)["extendedRequestId"] for one in GOOD]
ROOT = Path(__file__).resolve().parents[3]


def read(data: bytes) -> ReadRecord:
    """A record of these bytes."""
    return read_record(stream_record(data), RULE)


def ids(record: ReadRecord) -> list[str]:
    """The ids of its calls."""
    return [call.event_id for call in record.calls]


def outcomes(record: ReadRecord) -> list[Outcome]:
    """The outcomes of its calls."""
    return [call.outcome for call in record.calls]


def usage(record: ReadRecord) -> Usage:
    """The usage of its calls."""
    return total(call.usage for call in record.calls)


class TestRead:
    def test_a_delivery(self) -> None:
        """One call a line, in their order."""
        record = read(delivery(GOOD))
        assert GOOD_IDS == ids(record)
        assert (int(sequence_number()), 4, 0, 0, 0) == (
            record.sequence_number,
            record.log_events,
            record.undecodable,
            record.control,
            record.repeated,
        )
        assert Usage(
            requests=4,
            billable=4,
            response_bytes=4096,
            latency_ms=200,
            unknown_request_sizes=4,
            fingerprint=sum(map(event_hash, GOOD_IDS)),
        ) == usage(record)

    def test_several_members_of_gzip(self) -> None:
        """Are one content."""
        content = json.dumps(envelope(GOOD)).encode()
        assert GOOD_IDS == ids(read(zipped(content[:100]) + zipped(content[100:])))

    def test_control_message(self) -> None:
        """Carries nothing and is counted as such."""
        assert ReadRecord(int(sequence_number()), [], control=1) == read(control_message())

    def test_an_empty_delivery(self) -> None:
        """Held no log event."""
        assert ReadRecord(int(sequence_number()), []) == read(delivery([]))

    def test_a_bare_line(self) -> None:
        """Of a producer that writes lines to the stream: logged when it arrived, named after its record."""
        record = read(line(extendedRequestId="-", requestTimeEpoch="-").encode() + b"\n")
        assert [(NAME, KEY, NOON_MS)] == [(call.event_id, call.key, call.time_ms) for call in record.calls]
        assert 1 == record.log_events

    def test_a_bare_line_of_another_day(self) -> None:
        """Is malformed, as a logged one is."""
        assert [Outcome.MALFORMED] == outcomes(read(line(requestTimeEpoch="0").encode()))

    def test_an_aggregate(self) -> None:
        """Of deliveries, bare lines and control messages: all their calls."""
        record = read(
            kpl_aggregate([delivery(GOOD[:2]), GOOD[2].encode(), control_message(), GOOD[3].encode()])
        )
        assert GOOD_IDS == ids(record)
        assert (4, 0, 1) == (record.log_events, record.undecodable, record.control)

    def test_bare_lines_of_an_aggregate_have_names_of_their_own(self) -> None:
        """So that lines without an id of their own are all counted; the first is named as the record is."""
        record = read(kpl_aggregate([line(extendedRequestId="-").encode()] * 3))
        assert [NAME, f"{NAME}:1", f"{NAME}:2"] == ids(record)

    def test_log_events_without_ids_have_names_of_their_own(self) -> None:
        """Not those of bare lines next to them."""
        nameless = delivery([log_event(line(extendedRequestId="-"), id=None)] * 3)
        record = read(kpl_aggregate([nameless, *[line(extendedRequestId="-").encode()] * 2, nameless]))
        assert (8, 8) == (len(set(ids(record))), record.log_events)


class TestIdentity:
    def test_the_same_line_with_different_ids(self) -> None:
        """Two calls: by their log events, where the line has no id of its own."""
        text = line(extendedRequestId="-")
        record = read(delivery([log_event(text, number=1), log_event(text, number=2)]))
        assert (2, 0) == (usage(record).requests, record.repeated)

    def test_lines_that_differ_in_their_extended_id(self) -> None:
        """Two calls, alike in all else, even logged under one id."""
        record = read(delivery([log_event(one, number=1) for one in lines(2)]))
        assert (2, 0) == (usage(record).requests, record.repeated)

    def test_the_same_line_with_the_same_id(self) -> None:
        """One call; that it came twice is counted."""
        text = line(extendedRequestId="-")
        record = read(delivery([log_event(text, number=1), *GOOD, log_event(text, number=1)]))
        assert (5, 1, 6) == (usage(record).requests, record.repeated, record.log_events)

    def test_the_same_extended_id_under_two_log_events(self) -> None:
        """One call: its own id identifies it, however often it is logged."""
        record = read(delivery([log_event(number=1), log_event(number=2)]))
        assert (1, 1) == (usage(record).requests, record.repeated)

    def test_the_first_of_several_is_kept(self) -> None:
        """In its place."""
        sent = [line(extendedRequestId="a", status="200"), GOOD[0], line(extendedRequestId="a", status="500")]
        record = read(delivery(sent))
        assert ["a", GOOD_IDS[0]] == ids(record)
        assert not record.calls[0].is_error

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_bare_lines(self, end: str) -> None:
        """Several lines with their ends are so many calls, and one that is none is malformed."""
        record = read(end.join([*GOOD[:2], "", "none", line(extendedRequestId="-"), ""]).encode())
        assert [U, U, M, U] == outcomes(record)
        assert [*GOOD_IDS[:2], f"{NAME}#2", f"{NAME}#3"] == ids(record)
        assert {Reason.NO_JSON: 1} == record.notes

    def test_what_is_noted(self) -> None:
        """Of each log event: why it is malformed, and what could not be taken as it stands."""
        record = read(delivery([*GOOD[:2], "none", "{}", "{}", line(requestLength="chunked")]))
        assert {Reason.NO_JSON: 1, Reason.NO_STATUS: 2, Doubt.UNREADABLE_VALUE: 1} == record.notes

    def test_a_delivery_twice_in_an_aggregate(self) -> None:
        """Its calls count once."""
        record = read(kpl_aggregate([delivery(GOOD)] * 2))
        assert GOOD_IDS == ids(record)
        assert (4, 8) == (record.repeated, record.log_events)

    def test_a_forged_request_id(self) -> None:
        """Shared by 1,000 calls: all 1,000 count."""
        record = read(delivery(lines(1000, requestId="00000000-0000-0000-0000-000000000000")))
        assert (1000, 1000, 0) == (usage(record).requests, usage(record).billable, record.repeated)

    def test_integer_ids(self) -> None:
        """Of an emulator of CloudWatch Logs: they stand for their text."""
        sent = [log_event(line(extendedRequestId="-"), id=number) for number in range(3)]
        assert ["0", "1", "2"] == ids(read(delivery(sent)))


def raw(text: str, instead: bytes) -> bytes:
    """A delivery of two good lines and between them one with these bytes in the place of a word."""
    content = json.dumps(envelope([GOOD[0], text, GOOD[1]])).encode()
    return zipped(content.replace(b"instead", instead))


M, U, A = Outcome.MALFORMED, Outcome.METERED, Outcome.UNATTRIBUTED
BAD_LINES: dict[str, tuple[str, Outcome]] = {
    "plain text": ("START RequestId: 06e46194 Version: $LATEST\n", M),
    "empty": ("", M),
    "an array": ("[" + line() + "]", M),
    "nested 10,000 deep": ("[" * 10_000 + "]" * 10_000, M),
    "a field nested 10,000 deep": (line()[:-1] + ',"a":' + '{"a":' * 10_000 + "1" + "}" * 10_001, M),
    "10,000 brackets": ('{"status":"200","a":' + "[" * 10_000, M),
    "a NUL": (line().replace("curl", "\x00"), M),
    "an escaped NUL in the key": (line(apiKeyId="a\x00"), U),
    "an escaped NUL elsewhere": (line(userAgent="a\x00"), U),
    "an invalid surrogate": (line().replace("curl", r"\ud800"), M),
    "an invalid surrogate in the key": (line().replace(KEY, r"\ud800"), M),
    "a lone -": ("-", M),
    "a lone - for a number": (line().replace('"200"', "-"), M),
    "numbers unquoted": (line(status=200, responseLength=17, responseLatency=5, requestTimeEpoch=NOON_MS), U),
    "negative": (line(responseLength="-1"), U),
    "negative, unquoted": (line(responseLength=-1), U),
    "of 400 digits": (line(responseLength="9" * 400), U),
    "of 400 digits, unquoted": (line(responseLength=10**400), U),
    "1e309": (line(responseLatency="1e309"), U),
    "1e309, unquoted": (line().replace('"50"', "1e309"), U),
    "NaN": (line(responseLatency="NaN"), U),
    "NaN, unquoted": (line().replace('"50"', "NaN"), M),
    "a key of 10 kB": (line(apiKeyId="k" * 10_000), U),
    "an empty key": (line(apiKeyId=""), A),
    "a key with a newline": (line(apiKeyId="a\nb"), U),
    "the key -": (line(apiKeyId="-"), A),
    "a reserved key": (line(apiKeyId=MALFORMED_KEY), U),
    "another reserved key": (line(apiKeyId=UNDECODABLE_KEY), U),
    "a time in seconds": (line(requestTimeEpoch=str(NOON_MS // 1000)), U),
    "a time of 1970": (line(requestTimeEpoch="0"), M),
    "a time of 9999": (line(requestTimeEpoch="253402300799999"), M),
}


class TestBadLines:
    """A line that is none is counted as such, and changes nothing for its neighbours."""

    @pytest.mark.parametrize("name", BAD_LINES)
    def test_among_good_ones(self, name: str) -> None:
        """It has one outcome, and the others are the calls that they are without it."""
        text, outcome = BAD_LINES[name]
        without, record = (
            read(delivery(GOOD)),
            read(delivery([*GOOD[:2], log_event(text, number=9), *GOOD[2:]])),
        )
        bad = [call for call in record.calls if call.event_id not in GOOD_IDS]
        assert without.calls == [call for call in record.calls if call.event_id in GOOD_IDS]
        assert [outcome] == [call.outcome for call in bad]
        assert (5, 0, 0) == (record.log_events, record.undecodable, record.repeated)

    @pytest.mark.parametrize("name", [name for name, (_, outcome) in BAD_LINES.items() if outcome is M])
    def test_a_malformed_one_is_counted_when_it_was_logged(self, name: str) -> None:
        """As one request of the reserved key, with nothing else."""
        sent = log_event(BAD_LINES[name][0], id="logged", timestamp=NOON_MS + 7)
        expected = Call("logged", event_hash("logged"), NOON_MS + 7, MALFORMED_KEY)
        assert [expected] == read(delivery([sent])).calls

    @pytest.mark.parametrize("instead", [rb"\ud800", rb"\udfff", b"\xff\xfe", b"\xed\xa0\x80"])
    @pytest.mark.parametrize(
        ("text", "outcome"),
        [
            (line(userAgent="instead", extendedRequestId="x"), U),
            (line(apiKeyId="instead", extendedRequestId="x"), U),
            ("instead", M),
        ],
    )
    def test_text_damaged_in_the_envelope(self, text: str, outcome: Outcome, instead: bytes) -> None:
        """Half a character, as an escape or as bytes: a line stays one."""
        record = read(raw(text, instead))
        assert [U, outcome, U] == outcomes(record)
        assert (GOOD_IDS[0], GOOD_IDS[1]) == (record.calls[0].event_id, record.calls[2].event_id)

    @pytest.mark.parametrize(
        "changes", [{"id": None}, {"id": ""}, {"timestamp": None}, {"timestamp": "noon"}, {"timestamp": -1}]
    )
    def test_a_log_event_without_id_or_time(self, changes: dict[str, Any]) -> None:
        """The call has its own: it counts all the same."""
        sent = [log_event(GOOD[0]), log_event(GOOD[1]) | changes, log_event(GOOD[2])]
        assert GOOD_IDS[:3] == ids(read(delivery(sent)))

    @pytest.mark.parametrize("event", [None, "text", 17, [], {}])
    def test_a_log_event_that_is_none(self, event: Any) -> None:
        """Is one malformed line."""
        content = json.dumps(envelope() | {"logEvents": [log_event(GOOD[0]), event, log_event(GOOD[1])]})
        assert [U, M, U] == outcomes(read(zipped(content)))


def bomb(inflated_mib: int) -> bytes:
    """A gzip of zeros, made of one compressed piece of 16 MiB that is repeated."""
    packer = zlib.compressobj(9, wbits=-15)
    piece = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + piece * (inflated_mib // 16) + b"\x03\x00" + bytes(8)


BAD_RECORDS: dict[str, bytes] = {
    "empty": b"",
    "plain text": b"Hello, this is a test.",
    "no line": b'{"Hello": "World"}',
    "two lines of text": b"Hello,\nthis is a test.",
    "an empty line": b"\n",
    "no text": b"\xff\xfe\x00",
    "truncated gzip": delivery(GOOD)[:-9],
    "truncated gzip, only the end": delivery(GOOD)[:-1],
    "gzip's first bytes": b"\x1f\x8b",
    "garbage after the gzip": delivery(GOOD) + b"garbage",
    "a delivery and half of one": delivery(GOOD) + delivery(GOOD)[:50],
    "damaged gzip": delivery(GOOD)[:-8] + b"\x00" * 8,
    "gzip of non-JSON": zipped("Hello, this is a test."),
    "gzip of nothing": zipped(""),
    "gzip of a line": zipped(GOOD[0]),
    "gzip of an array": zipped(json.dumps([envelope(GOOD)])),
    "gzip in gzip": zipped(delivery(GOOD)),
    "no logEvents": zipped(json.dumps({k: v for k, v in envelope(GOOD).items() if k != "logEvents"})),
    "unknown message type": delivery(GOOD, messageType="DATA_MESSAGE_2"),
    "no message type": delivery(GOOD, messageType=None),
    "a bomb": bomb(48),
    "an aggregate with a bad digest": kpl_aggregate([delivery(GOOD)])[:-1] + b"?",
    "an aggregate cut off": kpl_aggregate([delivery(GOOD)])[:-20],
    "an aggregate of no protobuf": sealed(b"\xff" * 20),
}


class TestBadRecords:
    """What cannot be decoded is one request of the reserved key, and changes nothing for others."""

    @pytest.mark.parametrize("name", BAD_RECORDS)
    def test_one_record(self, name: str) -> None:
        """Counted under its own name, when it arrived."""
        expected = Call(NAME, event_hash(NAME), NOON_MS, UNDECODABLE_KEY)
        assert ReadRecord(int(sequence_number()), [expected], undecodable=1) == read(BAD_RECORDS[name])

    @pytest.mark.parametrize("name", BAD_RECORDS)
    def test_among_good_ones_of_an_aggregate(self, name: str) -> None:
        """A user record costs no other its calls."""
        record = read(kpl_aggregate([delivery(GOOD[:2]), BAD_RECORDS[name], delivery(GOOD[2:])]))
        assert [*GOOD_IDS[:2], f"{NAME}:1", *GOOD_IDS[2:]] == ids(record)
        assert (1, 4) == (record.undecodable, record.log_events)

    def test_user_records_that_the_library_drops(self) -> None:
        """Each of them is one."""
        record = read(kpl_aggregate([delivery(GOOD), GOOD[0].encode(), b"x"], unreadable_from=1))
        assert [*GOOD_IDS, f"{NAME}:1", f"{NAME}:2"] == ids(record)
        assert 2 == record.undecodable

    def test_the_same_data_twice(self) -> None:
        """Are two records that cannot be decoded."""
        first, second = (read_record(stream_record(b"x", number=number), RULE) for number in (1, 2))
        assert 2 == len({*ids(first), *ids(second)})

    def test_a_user_record_says_why(self) -> None:
        """Whoever redrives it wants to know."""
        for data in (b"x", b"\xff", b"{}"):
            with pytest.raises(Undecodable, match=r"neither a delivery \(gzip\) nor an access-log line: "):
                list(read_user_record(data, NAME, NOON_MS))


def test_1_mib_that_inflates_to_1_gib() -> None:
    """Is refused within the bound: the whole process stays below 256 MB."""
    data = bomb(1024)
    assert 2**20 * 0.9 < len(data) < 2**20 * 1.1
    script = """
import sys
from pathlib import Path
from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
record = read_record(StreamRecord("shard", 1, sys.stdin.buffer.read(), 0), BillingRule())
status = Path("/proc/self/status").read_text()
print(record.undecodable, *[line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")])
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process's memory is read from /proc")
    found = subprocess.run(
        [sys.executable, "-c", script], input=data, check=True, capture_output=True, cwd=ROOT
    )
    undecodable, peak_kib = map(int, found.stdout.split())
    assert 1 == undecodable
    assert peak_kib < 256 * 1000


def test_long_lines_among_everybodys() -> None:
    """What one caller sends costs nobody else a call, and the process stays below 256 MB."""
    script = """
import sys
from collections import Counter
from pathlib import Path
from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
record = read_record(StreamRecord("shard", 1, sys.stdin.buffer.read(), 0), BillingRule())
status = Path("/proc/self/status").read_text()
keys = Counter(call.key for call in record.calls)
print(record.undecodable, keys["caller"], keys["acme"], record.log_events)
print(*[line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")])
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process's memory is read from /proc")
    hostile = lines(3700, apiKeyId="caller", userAgent="A" * 9000)
    honest = [line(apiKeyId="acme", extendedRequestId=f"h{number}") for number in range(2000)]
    data = delivery([*hostile, *honest])
    assert len(data) < 2**20
    found = subprocess.run(
        [sys.executable, "-c", script], input=data, check=True, capture_output=True, cwd=ROOT
    )
    *counts, peak_kib = map(int, found.stdout.split())
    assert [0, 3700, 2000, 5700] == counts
    assert peak_kib < 256 * 1000


class TestRecorded:
    """Events as AWS sent them."""

    def test_kinesis_with_cloudwatch_logs(self) -> None:
        """Two deliveries of a Lambda function's log: six lines that are no calls, when they were logged."""
        found = [
            _read_recorded(record) for record in recorded("kinesisStreamCloudWatchLogsEvent.json")["Records"]
        ]
        assert [[M] * 3, [M] * 3] == [outcomes(record) for record in found]
        assert [3, 3] == [record.log_events for record in found]
        assert "37199717562907174288355125807040114704837640994633613312" == found[0].calls[0].event_id
        assert ["2022-11-10T15"] * 6 == [hour_at(call.time_ms) for record in found for call in record.calls]

    def test_kinesis(self) -> None:
        """Two texts: two records that cannot be decoded."""
        found = [_read_recorded(record) for record in recorded("kinesisStreamEvent.json")["Records"]]
        assert [[Outcome.UNDECODABLE]] * 2 == [outcomes(record) for record in found]
        expected = "shardId-000000000006:49590338271490256608559692538361571095921575989136588898"
        assert expected == found[0].calls[0].event_id
        assert 1_545_084_650_987 == found[0].calls[0].time_ms

    def test_firehose(self) -> None:
        """A text, and JSON that is no line: neither holds a log event."""
        for record in recorded("kinesisFirehoseKinesisEvent.json")["records"]:
            with pytest.raises(Undecodable, match="neither a delivery"):
                list(
                    read_user_record(
                        base64.b64decode(record["data"]), "name", record["approximateArrivalTimestamp"]
                    )
                )

    def test_cloudwatch_logs(self) -> None:
        """A delivery as it is handed to a function that is subscribed itself: two lines that are no calls."""
        data = base64.b64decode(recorded("cloudWatchLogEvent.json")["awslogs"]["data"])
        expected = [
            LogEvent("eventId1", 1_440_442_987_000, "[ERROR] First test message"),
            LogEvent("eventId2", 1_440_442_987_001, "[ERROR] Second test message"),
        ]
        found = list(read_user_record(data, NAME, NOON_MS))
        assert [Delivery(expected, log_group="123456789123/testLogGroup")] == found
        assert [M, M] == outcomes(read(data))


def _read_recorded(record: dict[str, Any]) -> ReadRecord:
    kinesis = record["kinesis"]
    return read_record(
        StreamRecord(
            shard_id=record["eventID"].partition(":")[0],
            sequence_number=int(kinesis["sequenceNumber"]),
            data=base64.b64decode(kinesis["data"]),
            arrived_at_ms=round(kinesis["approximateArrivalTimestamp"] * 1000),
        ),
        RULE,
    )


# Whatever a record holds.

MESSAGES = st.sampled_from([*GOOD, *(text for text, _ in BAD_LINES.values() if len(text) < 500)])
LOG_EVENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a", "b", "", None, 1, [], "\ud800"]),
        "timestamp": st.sampled_from([NOON_MS, 0, -1, 253_402_300_799_999, None, "", 1.5, 10**400]),
        "message": MESSAGES | st.none() | st.integers(),
    },
)
DELIVERIES = st.lists(LOG_EVENTS | st.none() | st.text(max_size=3), max_size=5).map(
    lambda sent: zipped(json.dumps(envelope() | {"logEvents": sent}))
)
DAMAGED = st.tuples(DELIVERIES, st.integers(0, 10_000), st.integers(0, 255)).map(
    lambda one: one[0][: one[1] % len(one[0])] + bytes([one[2]]) + one[0][one[1] % len(one[0]) + 1 :]
)
USER_RECORDS = st.one_of(
    DELIVERIES,
    DAMAGED,
    MESSAGES.map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=40),
    st.binary(max_size=40).map(zipped),
    st.just(control_message()),
)
RECORDS = st.one_of(
    USER_RECORDS,
    st.lists(USER_RECORDS, max_size=4).map(kpl_aggregate),
    st.tuples(st.lists(USER_RECORDS, max_size=4), st.integers(0, 4)).map(
        lambda one: kpl_aggregate(one[0], unreadable_from=one[1])
    ),
    st.binary(max_size=40).map(sealed),
)


@given(RECORDS)
def test_nothing_in_a_record_can_make_reading_it_fail(data: bytes) -> None:
    """Each log event and each record that cannot be decoded is one call, each once: of one outcome, with a
    time that has its periods, and with texts that can be stored. The same at every attempt.
    """
    record = read(data)
    assert record.log_events + record.undecodable == len(record.calls) + record.repeated
    assert record.undecodable == outcomes(record).count(Outcome.UNDECODABLE)
    assert len(record.calls) == len({call.event_hash for call in record.calls})
    for call in record.calls:
        assert begins_at(hour_at(call.time_ms)) < ends_at(hour_at(call.time_ms))
        assert event_hash(call.event_id.encode().decode()) == call.event_hash
        assert 0 < len(call.key.encode()) <= 1024
    assert record == read(data)


@given(st.lists(RECORDS, max_size=3), st.lists(RECORDS, max_size=3))
def test_what_is_good_counts_whatever_is_around_it(before: list[bytes], after: list[bytes]) -> None:
    """A good delivery of an aggregate has the same calls, whatever user records are next to it."""
    good = delivery(
        [line(apiKeyId="of the good one", extendedRequestId=f"good {number}") for number in range(3)]
    )
    alone = read(good).calls
    record = read(kpl_aggregate([*before, good, *after]))
    assert alone == [call for call in record.calls if call.key == "of the good one"]
