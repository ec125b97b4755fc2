"""Conditions of writes that change a counter only while it is what was read, and the parts of such writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, Item
from adapters.dynamodb.layout import part_attribute
from metering.counters.counter import Counter
from metering.usage import TOTALS

_NO_MARKS: Final[Mapping[str, bytes]] = {}


class Condition(NamedTuple):
    """What must hold of an item."""

    expression: str
    names: Mapping[str, str]
    values: Item


ABSENT: Final = Condition("attribute_not_exists(pk)", {}, {})


def unchanged(counter: Counter, watermarks: Mapping[str, bytes] = _NO_MARKS) -> Condition:
    """That an item still has these totals, parts and watermarks. A call changes its requests and its
    fingerprint at least; a total or part that is absent is none.
    """
    held = {
        **dict(zip(TOTALS, msgspec.structs.astuple(counter.usage), strict=True)),
        **{part_attribute(counter.period, part): count for part, count in counter.parts.items()},
    }
    stills = [_still(index, amount) for index, amount in enumerate(held.values())]
    marks = [f"#m{index} = :m{index}" for index in range(len(watermarks))]
    return Condition(
        " AND ".join([*stills, *marks]),
        {**named("#c", held), **named("#m", watermarks)},
        {**numbers(":c", held.values()), **binaries(":m", watermarks.values())},
    )


def amounts(counter: Counter, sign: int = 1) -> dict[str, int]:
    """The attributes that change where a counter is added to an item, or with -1 taken from it."""
    totals = zip(TOTALS, msgspec.structs.astuple(counter.usage), strict=True)
    found = {name: sign * amount for name, amount in totals if amount}
    return found | {
        part_attribute(counter.period, part): sign * count for part, count in counter.parts.items() if count
    }


def assignment(watermarks: Mapping[str, bytes]) -> str:
    """What sets watermarks, by the names of :func:`named` and the values of :func:`binaries`."""
    if not watermarks:
        return ""
    return "SET " + ", ".join(f"#w{index} = :w{index}" for index in range(len(watermarks)))


def addition(added: Mapping[str, int]) -> str:
    """What adds amounts, by the names of :func:`named` and the values of :func:`numbers`."""
    if not added:
        return ""
    return "ADD " + ", ".join(f"#a{index} :a{index}" for index in range(len(added)))


def binaries(mark: str, values: Iterable[bytes]) -> dict[str, AttributeValue]:
    """Values that are binary, numbered after a mark."""
    return {f"{mark}{index}": {"B": value} for index, value in enumerate(values)}


def named(mark: str, names: Iterable[str]) -> dict[str, str]:
    """Names, numbered after a mark."""
    return {f"{mark}{index}": name for index, name in enumerate(names)}


def numbers(mark: str, found: Iterable[int]) -> dict[str, AttributeValue]:
    """Values that are numbers, numbered after a mark."""
    return {f"{mark}{index}": {"N": str(amount)} for index, amount in enumerate(found)}


def _still(index: int, amount: int) -> str:
    same = f"#c{index} = :c{index}"
    return same if amount else f"(attribute_not_exists(#c{index}) OR {same})"
