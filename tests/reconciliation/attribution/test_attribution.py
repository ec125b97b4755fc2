"""Random faults on a key's day: each is found, and named rightly."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.call import Call
from metering.calls.event_id import event_hash
from metering.period import Period
from metering.proof.logged_call import LoggedCall
from metering.usage import Usage, total
from reconciliation.attribution.attribution import Evidence, Suspect, SuspectKind, explain
from reconciliation.attribution.subset_sum import hour_of_call
from reconciliation.lake.queries import LakeCall
from tests.reconciliation.month_end import at, call

DAY = Period("2026-10-05")
FAULTS = ("delete", "swap", "alter", "rename", "uncount", "lose")


class Fault(NamedTuple):
    """What is done to a call."""

    kind: str
    place: int


FAULTY = st.dictionaries(st.integers(0, 39), st.sampled_from(FAULTS), max_size=3)
MORE = st.dictionaries(st.sampled_from(["requests", "billable", "latency_ms"]), st.integers(1, 3), max_size=2)


def calls() -> list[Call]:
    """Forty calls of a day, of different sizes."""
    return [
        call(f"call {number}", f"2026-10-05T{number % 24:02d}:{number:02d}:00", response_bytes=number)
        for number in range(40)
    ]


def parts_of(counted: list[Call]) -> dict[str, int]:
    """Requests by hour."""
    parts: dict[str, int] = {}
    for one in counted:
        parts[hour_of_call(one)] = parts.get(hour_of_call(one), 0) + 1
    return parts


def expected_of(fault: str, one: Call) -> set[tuple[SuspectKind, str]]:
    """What a fault is to be named."""
    names = {
        "delete": {(SuspectKind.NOT_IN_LAKE, one.event_id)},
        "swap": {(SuspectKind.NOT_IN_LAKE, one.event_id), (SuspectKind.FOREIGN, f"not {one.event_id}")},
        "alter": {(SuspectKind.ALTERED, one.event_id)},
        "rename": {(SuspectKind.ALTERED, one.event_id)},
        "uncount": {(SuspectKind.NOT_COUNTED, one.event_id)},
        "lose": {(SuspectKind.NEITHER, one.event_id)},
    }
    return names[fault]


def row_of(fault: str | None, one: Call) -> Call | None:
    """The row that a call has then."""
    changes: dict[str, Any] = {
        "swap": {"event_id": f"not {one.event_id}", "event_hash": event_hash(f"not {one.event_id}")},
        "alter": {"response_bytes": (one.response_bytes or 0) + 1},
        "rename": {"event_id": f"not {one.event_id}"},
    }
    if fault in ("delete", "lose"):
        return None
    return msgspec.structs.replace(one, **changes.get(fault or "", {}))


def named(suspects: list[Suspect]) -> set[tuple[SuspectKind, str]]:
    """Kind and event id; of counters, what is too much."""
    return {(one.kind, one.call.event_id if one.call else str(one.usage)) for one in suspects}


@given(FAULTY, MORE)
def test_with_the_log(faults: dict[int, str], more: dict[str, int]) -> None:
    """Up to three faulty calls, and a counter that was edited besides."""
    whole = calls()
    counted = [one for place, one in enumerate(whole) if faults.get(place) not in ("uncount", "lose")]
    rows = [row for place, one in enumerate(whole) if (row := row_of(faults.get(place), one))]
    edit = Usage(**more)
    evidence = Evidence(
        "a",
        DAY,
        total(one.usage for one in counted) + edit,
        parts_of(counted),
        [LakeCall(row, "s3://lake/part") for row in rows],
        {one.event_hash: LoggedCall(one, one.time_ms) for one in whole},
    )
    found = explain(evidence)
    expected: set[tuple[SuspectKind, str]] = set()
    for place, fault in faults.items():
        expected |= expected_of(fault, whole[place])
    hidden = len(counted) < len(whole) and edit.requests
    if hidden:  # calls that are gone while their number was edited: the fingerprint alone speaks then
        assert any(
            one.kind in (SuspectKind.COUNTER, SuspectKind.NOT_COUNTED, SuspectKind.NEITHER) for one in found
        )
        return
    if edit != Usage():
        expected.add((SuspectKind.COUNTER, str(edit)))
    assert expected == named(found)


@given(st.sets(st.integers(0, 39), max_size=3))
def test_without_the_log(places: set[int]) -> None:
    """Calls that the counter lacks are named by the rows."""
    whole = calls()
    counted = [one for place, one in enumerate(whole) if place not in places]
    usage = total(one.usage for one in counted)
    rows = [LakeCall(one, "s3://lake/part") for one in whole]
    found = explain(Evidence("a", DAY, usage, parts_of(counted), rows, None))
    assert {(SuspectKind.NOT_COUNTED, whole[place].event_id) for place in places} == named(found)


def test_a_call_counted_twice() -> None:
    """The fingerprint holds its hash once too often."""
    whole = calls()
    usage = total(one.usage for one in [*whole, whole[7]])
    rows = [LakeCall(one, "s3://lake/part") for one in whole]
    assert {(SuspectKind.TWICE, "call 7")} == named(
        explain(Evidence("a", DAY, usage, parts_of([*whole, whole[7]]), rows, None))
    )


def test_a_row_in_another_hour() -> None:
    """With the log the call is named, without it the hours are."""
    whole = calls()
    moved = msgspec.structs.replace(whole[7], time_ms=at("2026-10-05T08:30:00"))
    rows = [LakeCall(moved if one is whole[7] else one, "s3://lake/part") for one in whole]
    usage, parts = total(one.usage for one in whole), parts_of(whole)
    logged = {one.event_hash: LoggedCall(one, one.time_ms) for one in whole}
    assert {(SuspectKind.ALTERED, "call 7")} == named(explain(Evidence("a", DAY, usage, parts, rows, logged)))
    (suspect,) = explain(Evidence("a", DAY, usage, parts, rows, None))
    assert (SuspectKind.UNKNOWN, None) == (suspect.kind, suspect.call)
    assert "2 for 1 in hour 07, 2 for 3 in hour 08" in suspect.note


@pytest.mark.parametrize(
    ("extra", "has_log", "kind"),
    [
        (call("lost=", "2026-10-05T10:00:00").usage, False, SuspectKind.NOT_IN_LAKE),
        (call("lost=", "2026-10-05T10:00:00").usage, True, SuspectKind.COUNTER),
        (Usage(requests=2, fingerprint=1), False, SuspectKind.UNKNOWN),
        (calls()[7].usage, False, SuspectKind.COUNTER),
        (Usage(requests=1), False, SuspectKind.COUNTER),
        (Usage(requests=-1, fingerprint=-1), False, SuspectKind.COUNTER),
    ],
)
def test_a_days_counter_alone(extra: Usage, has_log: bool, kind: SuspectKind) -> None:
    """What the day's counter alone has more is an edit only where no call can be behind it: half a batch may
    have counted what the lake has lost.
    """
    whole = calls()
    rows = [LakeCall(one, "s3://lake/part") for one in whole]
    logged = {one.event_hash: LoggedCall(one, one.time_ms) for one in whole} if has_log else None
    counted = total(one.usage for one in whole) + extra
    (found,) = explain(Evidence("a", DAY, counted, parts_of(whole), rows, logged, counter_alone=True))
    assert (kind, extra) == (found.kind, found.usage)
