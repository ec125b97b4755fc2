"""Deliveries: gzip, envelope, log events."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.delivery import INFLATED_LIMIT, Delivery, LogEvent, inflate, is_gzip, read_delivery
from metering.errors import Undecodable
from tests.factories import (
    NOON_MS,
    control_message,
    delivery,
    envelope,
    line,
    lines,
    log_event,
    log_event_id,
    zipped,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
FIELDS = st.sampled_from(["id", "timestamp", "message", "a"])
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner), max_leaves=8)

ARRIVED_MS = NOON_MS + 2000
RECORD = "shardId-000000000000:49"
HELLO = zipped(b"hello")


def read(data: bytes) -> Delivery:
    """A delivery as a record brought it."""
    return read_delivery(data, RECORD, ARRIVED_MS)


def events(*sent: Any, **fields: object) -> list[LogEvent]:
    """The log events of a delivery of anything."""
    return read(zipped(json.dumps(envelope() | {"logEvents": list(sent)} | fields))).events


class TestInflate:
    @pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 1000])
    def test_gzip(self, content: bytes) -> None:
        """Whatever was zipped."""
        assert content == inflate(zipped(content))

    def test_members(self) -> None:
        """Of several members one after the other, the content is joined."""
        assert b"hello world" == inflate(zipped("hello") + zipped("") + zipped(" world"))

    def test_a_member_with_a_name(self) -> None:
        """The header may hold a file's name."""
        header = b"\x1f\x8b\x08\x08" + HELLO[4:10] + b"lines.json\x00"
        assert b"hello" == inflate(header + HELLO[10:])

    @pytest.mark.parametrize("length", range(1, len(HELLO)))
    def test_truncated(self, length: int) -> None:
        """Cut off anywhere: refused, with nothing of it taken."""
        with pytest.raises(Undecodable, match=r"cut off|no gzip"):
            inflate(HELLO[:length])

    def test_a_truncated_second_member(self) -> None:
        """What came before is not taken either: something was lost."""
        with pytest.raises(Undecodable, match="cut off"):
            inflate(HELLO + HELLO[:-1])

    @pytest.mark.parametrize("garbage", [b"x", b"\x00", b"\x00" * 512, b"hello, world" * 10, HELLO[:1]])
    def test_garbage_after_the_end(self, garbage: bytes) -> None:
        """It may have been a member with log events: refused rather than passed over in silence."""
        with pytest.raises(Undecodable, match=r"cut off|no gzip"):
            inflate(HELLO + garbage)

    @pytest.mark.parametrize("place", [-8, -1])
    def test_damaged(self, place: int) -> None:
        """The checksum and the length are checked."""
        damaged = bytearray(HELLO)
        damaged[place] ^= 1
        with pytest.raises(Undecodable, match=r"no gzip: .*checksum"):
            inflate(bytes(damaged))

    @pytest.mark.parametrize(
        "data", [b"plain text, and long enough", zlib.compress(b"hello"), b"\x1f\x8b\x07" + HELLO[3:]]
    )
    def test_no_gzip(self, data: bytes) -> None:
        """Text, zlib's own format, another method."""
        with pytest.raises(Undecodable, match="no gzip"):
            inflate(data)

    def test_the_bound_itself(self) -> None:
        """May be reached, by one member or by several."""
        half = zipped(bytes(INFLATED_LIMIT // 2))
        assert INFLATED_LIMIT == len(inflate(zipped(bytes(INFLATED_LIMIT)))) == len(inflate(half + half))

    def test_past_the_bound(self) -> None:
        """Is refused, by one member or by several."""
        with pytest.raises(Undecodable, match="inflates past 33554432 bytes"):
            inflate(zipped(bytes(INFLATED_LIMIT + 1)))
        with pytest.raises(Undecodable, match="inflates past 33554432 bytes"):
            inflate(zipped(bytes(INFLATED_LIMIT)) + zipped(b"x"))

    @given(st.binary(max_size=64), st.booleans())
    def test_any_bytes(self, data: bytes, begins_as_gzip: bool) -> None:
        """Are content or undecodable, never anything else."""
        with suppress(Undecodable):
            assert isinstance(inflate(HELLO[:10] + data if begins_as_gzip else data), bytes)

    @given(st.binary(max_size=300), st.data())
    def test_any_damage(self, content: bytes, data: st.DataObject) -> None:
        """One byte changed: the content is still right, or refused, never a wrong one."""
        damaged = bytearray(gzip.compress(content, mtime=0))
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            found = inflate(bytes(damaged))
        except Undecodable:
            return
        assert content == found


def test_is_gzip() -> None:
    """By the first two bytes."""
    assert is_gzip(HELLO)
    assert not any(map(is_gzip, (b"", b"\x1f", b"{}", b"\xf3\x89\x9a\xc2")))


class TestRead:
    def test_log_events(self) -> None:
        """Each with its id, its time and its message, in their order."""
        sent = [log_event("one", number=1), log_event("two", number=2, timestamp=NOON_MS + 1)]
        expected = [LogEvent(log_event_id(1), NOON_MS, "one"), LogEvent(log_event_id(2), NOON_MS + 1, "two")]
        assert expected == read(delivery(sent)).events

    def test_fields_that_are_not_known(self) -> None:
        """`emitSystemFields` adds some, and so may whatever comes next."""
        system_fields = {"@aws.account": "123456789012", "@aws.region": "us-east-1"}
        sent = log_event("one", extractedFields={"a": "1"}) | system_fields
        found = read(delivery([sent], policyLevel="ACCOUNT_LEVEL_POLICY", **system_fields))
        assert [LogEvent(log_event_id(0), NOON_MS, "one")] == found.events

    def test_no_log_events(self) -> None:
        """An empty delivery brings nothing, and is no control message."""
        found = read(delivery([]))
        assert ([], False) == (found.events, found.is_control)

    def test_control_message(self) -> None:
        """Brings nothing."""
        assert Delivery([], is_control=True) == read(control_message())

    @pytest.mark.parametrize(
        "changes", [{}, {"logEvents": None}, {"logEvents": "none"}, {"logEvents": [log_event()]}]
    )
    def test_any_control_message(self, changes: dict[str, object]) -> None:
        """Whatever it holds, with or without log events."""
        content = {"messageType": "CONTROL_MESSAGE"} | changes
        assert Delivery([], is_control=True) == read(zipped(json.dumps(content)))

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "no JSON"),
            (b"plain text", "no JSON"),
            (b'{"messageType":"DATA_MESSAGE","logEvents":[', "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b'"text"', "it is no object"),
            (b"[]", "it is no object"),
            (b"null", "it is no object"),
            (b"17", "it is no object"),
            (b"{}", "message type 'None' is not known"),
            (b'{"logEvents":[]}', "message type 'None' is not known"),
            (b'{"messageType":"DATA_MESSAGE"}', "has no logEvents"),
            (b'{"messageType":"DATA_MESSAGE","logEvents":null}', "has no logEvents"),
            (b'{"messageType":"DATA_MESSAGE","logEvents":{"a":1}}', "has no logEvents"),
            (b'{"messageType":"OTHER","logEvents":[]}', "message type 'OTHER' is not known"),
            (b'{"messageType":["DATA_MESSAGE"],"logEvents":[]}', "is not known"),
            (b'{"messageType":"' + b"x" * 1000 + b'","logEvents":[]}', f"'{'x' * 40}' is not known"),
            (b'{"Hello":"World"}', "is not known"),
        ],
        ids=lambda value: ascii(value[:60]),
    )
    def test_no_delivery(self, content: bytes, reason: str) -> None:
        """Undecodable, with the reason."""
        with pytest.raises(Undecodable, match=reason):
            read(zipped(content))


class TestOddLogEvents:
    """One odd log event never costs its neighbours."""

    @pytest.mark.parametrize(
        ("odd", "expected"),
        [
            (log_event("odd", id=17), LogEvent("17", NOON_MS, "odd")),
            (log_event("odd", id=0), LogEvent("0", NOON_MS, "odd")),
            (log_event("odd", id=None), LogEvent(f"{RECORD}#1", NOON_MS, "odd")),
            (log_event("odd") | {"id": None}, LogEvent(f"{RECORD}#1", NOON_MS, "odd")),
            (log_event("odd", id=""), LogEvent(f"{RECORD}#1", NOON_MS, "odd")),
            (log_event("odd", id=["a"]), LogEvent(f"{RECORD}#1", NOON_MS, "odd")),
            (log_event("odd", id=True), LogEvent(f"{RECORD}#1", NOON_MS, "odd")),
            (log_event("odd", id="a\ud800"), LogEvent("a\ufffd", NOON_MS, "odd")),
            (log_event("odd", timestamp=None), LogEvent(log_event_id(0), ARRIVED_MS, "odd")),
            (log_event("odd", timestamp=-1), LogEvent(log_event_id(0), ARRIVED_MS, "odd")),
            (log_event("odd", timestamp=10**15), LogEvent(log_event_id(0), ARRIVED_MS, "odd")),
            (log_event("odd", timestamp=True), LogEvent(log_event_id(0), ARRIVED_MS, "odd")),
            (log_event("odd", timestamp="noon"), LogEvent(log_event_id(0), ARRIVED_MS, "odd")),
            (log_event("odd", timestamp=10**400), LogEvent(log_event_id(0), ARRIVED_MS, "odd")),
            (log_event("a\ud800b"), LogEvent(log_event_id(0), NOON_MS, "a\ufffdb")),
            (log_event("a\x00b"), LogEvent(log_event_id(0), NOON_MS, "a\x00b")),
            (log_event("\U0001f511"), LogEvent(log_event_id(0), NOON_MS, "\U0001f511")),
            (
                log_event() | {"message": {"status": "200"}},
                LogEvent(log_event_id(0), NOON_MS, '{"status": "200"}'),
            ),
            (log_event() | {"message": None}, LogEvent(log_event_id(0), NOON_MS, "null")),
            ({"id": "a", "timestamp": NOON_MS}, LogEvent("a", NOON_MS, "")),
            ({}, LogEvent(f"{RECORD}#1", ARRIVED_MS, "")),
            ("text", LogEvent(f"{RECORD}#1", ARRIVED_MS, "text")),
            (None, LogEvent(f"{RECORD}#1", ARRIVED_MS, "null")),
            ([1, "a"], LogEvent(f"{RECORD}#1", ARRIVED_MS, '[1, "a"]')),
        ],
        ids=lambda value: ascii(value)[:60] if not isinstance(value, LogEvent) else "",
    )
    def test_one_of_three(self, odd: object, expected: LogEvent) -> None:
        """It is read as far as it can be; the two around it as ever."""
        one, three = log_event("one", number=1), log_event("three", number=3)
        before, after = LogEvent(log_event_id(1), NOON_MS, "one"), LogEvent(log_event_id(3), NOON_MS, "three")
        assert [before, expected, after] == events(one, odd, three)

    @pytest.mark.parametrize("escape", [rb"\ud800", rb"\udfff\ud800", b"\xff", b"\xed\xa0\x80"])
    def test_damaged_text(self, escape: bytes) -> None:
        """An escape of half a character, or bytes that are no UTF-8, cost that text alone."""
        content = json.dumps(envelope([line(userAgent="instead"), *lines(2)])).encode()
        found = read(zipped(content.replace(b"instead", escape))).events
        assert json.loads(found[0].message)["userAgent"].strip("\ufffd") == ""
        assert lines(2) == [event.message for event in found[1:]]
        assert [log_event_id(number) for number in range(3)] == [event.id for event in found]

    def test_places_are_names_of_their_own(self) -> None:
        """No event is taken for another of its record, nor for one of another user record."""
        one, another = (
            read_delivery(delivery([log_event(id=None)] * 3), record, ARRIVED_MS)
            for record in (RECORD, f"{RECORD}:1")
        )
        assert 6 == len({event.id for event in [*one.events, *another.events]})

    @given(st.lists(ANYTHING, max_size=4))
    def test_any_log_events(self, sent: list[Any]) -> None:
        """As many come out as went in, each with an id, a time, and texts that UTF-8 can hold."""
        found = events(*sent)
        assert len(sent) == len(found)
        for event in found:
            assert event.id
            assert (event.id + event.message).encode()
            assert 0 <= event.timestamp < 253_370_764_800_000


class TestLogGroup:
    @pytest.mark.parametrize(
        ("fields", "log_group"),
        [
            ({"owner": "123456789012", "logGroup": "orders"}, "123456789012/orders"),
            ({"owner": "", "logGroup": "orders"}, ""),
            ({"owner": "123456789012", "logGroup": ""}, ""),
            ({"owner": 7, "logGroup": "orders"}, ""),
            ({"owner": "123456789012", "logGroup": None}, ""),
        ],
    )
    @pytest.mark.parametrize("sent", [log_event("a"), {"id": 1, "message": {}}])
    def test_named(self, sent: object, fields: dict[str, object], log_group: str) -> None:
        """A delivery says from which group of which account it comes, on the fast path and the tolerant one;
        where it names none that can be one, its log events are read all the same.
        """
        found = read(zipped(json.dumps(envelope() | {"logEvents": [sent]} | fields)))
        assert (log_group, 1) == (found.log_group, len(found.events))

    def test_missing(self) -> None:
        """Nor does one that lacks the fields lose anything."""
        whole = envelope([line()])
        found = read(zipped(json.dumps({name: whole[name] for name in ("messageType", "logEvents")})))
        assert ("", 1) == (found.log_group, len(found.events))
