"""Stored items that hold what nobody expects: named, and no error of Python's."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from adapters.dynamodb.counter_reader import counter_of
from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, Item
from adapters.dynamodb.item_content import DECODING_ERRORS, number_of, position_of
from adapters.dynamodb.layout import encode_position
from adapters.dynamodb.leases import sheet_of
from adapters.dynamodb.ledger import decode_claim, encode_claim
from adapters.dynamodb.plan_content import decode_account, decode_assignment, decode_plan, written
from adapters.dynamodb.quotas import counted_of, slices_of_item
from metering.counters.ports import Claim
from metering.errors import UnreadableItem
from metering.period import Period
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.quotas.ports import ThresholdCrossing
from metering.quotas.threshold import decode_crossing, encode_crossing
from metering.usage import Metric

DAY = Period("2026-10-31")
KEY: Item = {"pk": {"S": "the item"}, "sk": {"S": "2026-10-31#0"}}
JUNK: tuple[AttributeValue, ...] = (
    {"S": "junk"},
    {"S": '{"key": 1}'},
    {"N": "1.5"},
    {"B": b""},
    {"B": b"\xff\x01"},
    {"L": [{"S": "junk"}]},
    {"M": {"junk": {"S": "junk"}}},
    {"NS": ["1.5"]},
    {"SS": ["junk"]},
    {"NULL": True},
)
PLAN, ASSIGNMENT = Plan("pro", (Limit(Metric.REQUESTS, Span.DAY, 2),)), Assignment("a", "pro")
CROSSING = ThresholdCrossing("1", "a", "", "pro", 1, "requests", DAY, 2, "hard", 50, 1)

DECODERS: dict[str, tuple[Item, Callable[[Item], object]]] = {
    "a counter": (
        {**KEY, "requests": {"N": "1"}, "h12": {"N": "1"}},
        lambda item: (counter_of(item), counted_of([(DAY, item)])),
    ),
    "a plan": ({**KEY, "content": {"S": written(PLAN)}}, decode_plan),
    "the plan of a key": ({**KEY, "content": {"S": written(ASSIGNMENT)}}, decode_assignment),
    "an account": (
        {**KEY, "content": {"S": written(ASSIGNMENT)}, "keys": {"SS": ["a"]}},
        lambda item: decode_account("acme", item),
    ),
    "the slices of a month": ({**KEY, "numbers": {"NS": ["1"]}}, slices_of_item),
    "a lease record": (
        {
            **KEY,
            "period": {"S": DAY},
            "granted": {"N": "1"},
            "leases": {"M": {"one": {"L": [{"N": "1"}, {"N": "1"}]}}},
            "spent": {"M": {"1": {"N": "1"}}},
        },
        sheet_of,
    ),
    "progress": (
        {**KEY, "position": {"B": encode_position(7)}, "arrived_at": {"N": "1"}},
        lambda item: (position_of(item, "position"), number_of(item, "arrived_at")),
    ),
}


def fault_of(decode: Callable[[Item], object], item: Item) -> str | None:
    """What an item is named with, if it cannot be read."""
    try:
        decode(item)
    except UnreadableItem as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", DECODERS)
def test_named(name: str) -> None:
    """Whatever stands in place of an attribute: the item is read, or named."""
    item, decode = DECODERS[name]
    decode(item)
    spoilt = [{**item, attribute: junk} for attribute in item.keys() - KEY.keys() for junk in JUNK]
    faults = [fault for one in spoilt if (fault := fault_of(decode, one)) is not None]
    assert len(faults) >= len(spoilt) // 2
    assert all("'the item' '2026-10-31#0'" in fault for fault in faults)


def test_crossing() -> None:
    """A crossing that waits is a crossing, with each field of its type."""
    assert CROSSING == decode_crossing(encode_crossing(CROSSING))
    with pytest.raises(msgspec.ValidationError, match="str"):
        decode_crossing(encode_crossing(CROSSING._replace(period=7)))  # type: ignore[arg-type] # as it is stored


def test_claim() -> None:
    """A claim that was cut, or that has too much behind it, is none."""
    encoded = encode_claim(Claim("shardId-000000000000", 1 << 200, (1, 2)))
    for wrong in (*(encoded[:end] for end in range(len(encoded) - 16)), encoded[:-1], encoded + b"x"):
        with pytest.raises(DECODING_ERRORS):
            decode_claim(wrong)
