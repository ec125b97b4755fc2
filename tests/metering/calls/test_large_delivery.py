"""Deliveries that inflate to more than is held at once."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.calls import delivery as deliveries
from metering.calls import large_delivery
from metering.calls.delivery import LogEvent, read_delivery, read_in_groups
from metering.errors import Undecodable
from tests.factories import NOON_MS, control_message, delivery, envelope, lines, log_event, zipped

RECORD = "shardId-000000000000:49"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and is read by a few characters."""
    monkeypatch.setattr(deliveries, "INFLATED_LIMIT", 10)
    monkeypatch.setattr(large_delivery, "GROUP", 3)
    monkeypatch.setattr(large_delivery, "_PIECE", 7)


def read(data: bytes) -> list[LogEvent]:
    """The log events of a delivery that is read in groups."""
    return [event for part in read_in_groups(data, RECORD, NOON_MS) for event in part.events]


@settings(max_examples=100)
@given(st.lists(VALUES | st.builds(log_event, st.text()), max_size=9), st.integers(0, 3), st.booleans())
def test_the_same_log_events(sent: list[Any], space: int, is_late: bool) -> None:
    """As if they were read at once, whatever they hold and wherever the pieces are cut."""
    document = envelope() | {"logEvents": sent, "more": {"a": [1, 2.5, None]}}
    if is_late:
        document["messageType"] = document.pop("messageType")
    data = zipped(json.dumps(document, indent=space or None) + " " * space)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "INFLATED_LIMIT", 1 << 20)
        expected = read_delivery(data, RECORD, NOON_MS).events
    assert expected == read(data)


def test_several_members() -> None:
    """Follow one another, as gzip allows."""
    text = json.dumps(envelope(lines(5)))
    assert lines(5) == [event.message for event in read(zipped(text[:100]) + zipped(text[100:]))]


def test_groups() -> None:
    """A few events at a time."""
    parts = [len(part.events) for part in read_in_groups(delivery(lines(8)), RECORD, NOON_MS)]
    assert [3, 3, 2] == parts


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped("x" * 50), "there is no '{'"),
        (zipped('["long enough"]'), "there is no '{'"),
        (zipped('{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1"}'), "no JSON"),
        (zipped('{"messageType":"DATA_MESSAGE","logEvents":[1 2]}'), "there is no ','"),
        (zipped('{"messageType":"DATA_MESSAGE","logEvents":[]} x'), "something follows"),
        (zipped('{"messageType":"DATA_MESSAGE","logEvents":' + "[" * 20_000), "nested too deep"),
        (zipped('{"messageType":"DATA_MESSAGE"}'), "no delivery with log events"),
        (zipped('{"messageType":"DATA_MESSAGE","logEvents":{}}'), "no delivery with log events"),
        (zipped('{"messageType":"OTHER","logEvents":[1]}'), "no delivery with log events"),
        (control_message(), "no delivery with log events"),
        (delivery(lines(3))[:-9], "cut off|no gzip"),
        (delivery(lines(3)) + b"garbage", "no gzip|cut off"),
    ],
)
def test_what_is_none(data: bytes, reason: str) -> None:
    """Is undecodable, with the reason."""
    with pytest.raises(Undecodable, match=reason):
        read(data)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is inflated, of a log event, and of their number."""
    data = delivery(lines(5))
    monkeypatch.setattr(large_delivery, "MOST_EVENTS", 4)
    with pytest.raises(Undecodable, match="more than 4 log events"):
        read(data)
    monkeypatch.setattr(large_delivery, "LONGEST_EVENT", 100)
    with pytest.raises(Undecodable, match="more than 100 characters"):
        read(data)
    monkeypatch.setattr(large_delivery, "STREAMED_LIMIT", 1000)
    monkeypatch.setattr(large_delivery, "LONGEST_EVENT", 10_000)
    monkeypatch.setattr(large_delivery, "MOST_EVENTS", 1000)
    with pytest.raises(Undecodable, match="inflates past 1000 bytes"):
        read(data)


def test_a_damaged_checksum() -> None:
    """Is found at the end, before any event is used."""
    data = bytearray(delivery(lines(3)))
    data[-6] ^= 1
    with pytest.raises(Undecodable, match="no gzip"):
        read(bytes(data))
    with pytest.raises(Undecodable):
        read(zlib.compress(b"another format, long enough"))
