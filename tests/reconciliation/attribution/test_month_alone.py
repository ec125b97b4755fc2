"""What a month's counter alone has is an edit only where no call can be behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from metering.calls.call import Call
from metering.period import Period
from metering.proof.logged_call import LoggedCall
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution.attribution import Evidence, Suspect, SuspectKind
from reconciliation.attribution.month_alone import MonthAlone
from reconciliation.lake.queries import LakeCall
from tests.reconciliation.month_end import OCTOBER, call

DAY, NEXT_DAY = Period("2026-10-05"), Period("2026-10-06")
LANDED = [call(f"landed {number}", "2026-10-05T10:00:00", response_bytes=number) for number in range(4)]
LOST = [call(f"lost {number}", "2026-10-05T10:00:00", response_bytes=number) for number in range(3)]
LACKED = [call(f"lacked {number}", "2026-10-06T10:00:00") for number in range(2)]


def evidence(day: Period, landed: Sequence[Call], lost: Sequence[Call] | None) -> Evidence:
    """A day with these calls in counter and lake, and these lines more; None: the log does not keep it."""
    logged = (
        None if lost is None else {one.event_hash: LoggedCall(one, one.time_ms) for one in [*landed, *lost]}
    )
    return Evidence("a", day, NO_USAGE, {}, [LakeCall(one, "s3://lake/part") for one in landed], logged)


def named(
    held: Sequence[Call], lost: Sequence[Call] | None, lacked: Sequence[Call] = (), edit: Usage = NO_USAGE
) -> list[Suspect]:
    """What is said of a month that holds these calls, and an edit, beyond its days, and lacks some of another
    day.
    """
    surplus = total(one.usage for one in held) - total(one.usage for one in lacked) + edit
    edited = Suspect(SuspectKind.COUNTER, "a", OCTOBER, "edited", usage=surplus)
    less = [evidence(NEXT_DAY, lacked, None)] if lacked else []
    return MonthAlone(edited, [evidence(DAY, LANDED, lost)], less, len(held) + edit.requests).suspects()


@pytest.mark.parametrize("lacked", [[], LACKED])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_lines_tell(number: int, lacked: list[Call]) -> None:
    """Calls that were logged and have no row are named, each by its line, whatever else the month lacks."""
    found = named(LOST[:number], LOST, lacked)
    assert {(SuspectKind.NOT_IN_LAKE, one.event_id, one.time_ms) for one in LOST[:number]} == {
        (one.kind, one.call and one.call.event_id, one.logged_at_ms) for one in found
    }
    assert {OCTOBER} == {one.period for one in found}


@pytest.mark.parametrize("lacked", [[], LACKED])
def test_without_the_log(lacked: list[Call]) -> None:
    """A single call is known by its hash, and several are not known."""
    (one,) = named(LOST[:1], None, lacked)
    assert (SuspectKind.NOT_IN_LAKE, LOST[0].event_hash, LOST[0].usage) == (
        one.kind,
        one.event_hash,
        one.usage,
    )
    assert [SuspectKind.UNKNOWN] == [one.kind for one in named(LOST[:2], None, lacked)]


@pytest.mark.parametrize(
    ("held", "lost", "edit"),
    [
        (LANDED[:1], None, NO_USAGE),  # the lake has it: the month counted it twice
        (LANDED[:1], LOST, NO_USAGE),
        (LOST[:1], [], NO_USAGE),  # the log has no such call
        ([], None, Usage(requests=2, billable=1)),
    ],
)
def test_an_edit(held: list[Call], lost: list[Call] | None, edit: Usage) -> None:
    """Calls that lie in the lake, or that the log does not have, and numbers without a fingerprint."""
    assert [SuspectKind.COUNTER] == [one.kind for one in named(held, lost, edit=edit)]


@pytest.mark.parametrize("lost", [LOST, None])
def test_both(lost: list[Call] | None) -> None:
    """A month that was edited beside a call that only it has: nobody can say which is which."""
    found = named(LOST[:1], lost, edit=Usage(requests=3, fingerprint=5))
    assert [SuspectKind.UNKNOWN] == [one.kind for one in found]
