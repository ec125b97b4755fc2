"""What is named of a day comes to all that differs, or the rest is named."""

from __future__ import annotations

import pytest

from metering.calls.call import Call
from metering.period import Period
from metering.proof.drift import Difference
from metering.usage import NO_USAGE, Usage
from reconciliation.attribution.attribution import Suspect, SuspectKind
from reconciliation.attribution.remainder import with_remainders
from tests.reconciliation.month_end import call

DAY = Period("2026-10-05")
ONE, OTHER = (call(name, "2026-10-05T10:00:00") for name in ("one=", "other="))


def differing(surplus: Usage) -> Difference:
    """A day of which the counter holds so much more than the lake."""
    return Difference("a", DAY, surplus, NO_USAGE)


def suspect(kind: SuspectKind, one: Call | None = None, usage: Usage | None = None) -> Suspect:
    """Something of that day."""
    return Suspect(kind, "a", DAY, "", one, usage=usage)


@pytest.mark.parametrize(
    ("surplus", "suspects"),
    [
        (NO_USAGE - ONE.usage, [suspect(SuspectKind.NOT_COUNTED, ONE)]),
        (
            OTHER.usage - ONE.usage,
            [suspect(SuspectKind.NOT_COUNTED, ONE), suspect(SuspectKind.TWICE, OTHER)],
        ),
        (Usage(latency_ms=-7), [suspect(SuspectKind.COUNTER, usage=Usage(latency_ms=-7))]),
        (NO_USAGE, [suspect(SuspectKind.NEITHER, ONE)]),
        (Usage(unknown_request_sizes=-3), []),  # counters of an earlier version do not know them
        (ONE.usage, [suspect(SuspectKind.NOT_IN_LAKE, OTHER)]),  # in doubt already
    ],
)
def test_all_of_it(surplus: Usage, suspects: list[Suspect]) -> None:
    """Where what is named comes to what differs, or the lake is in doubt already, nothing is added."""
    assert suspects == with_remainders([differing(surplus)], suspects, suspects)


def test_a_rest() -> None:
    """What no suspect explains is unknown, with its amounts, whatever else is named."""
    named = [suspect(SuspectKind.NOT_COUNTED, ONE)]
    rest = Usage(response_bytes=-1000)
    *same, found = with_remainders([differing(rest - ONE.usage)], named, named)
    assert (named, SuspectKind.UNKNOWN, "a", DAY, rest) == (same, *found[:3], found.usage)


@pytest.mark.parametrize(
    ("logged_at_ms", "kind"), [(None, SuspectKind.UNKNOWN), (OTHER.time_ms, SuspectKind.ALTERED)]
)
def test_a_row_of_a_call_elsewhere(logged_at_ms: int | None, kind: SuspectKind) -> None:
    """It is named at its call's place alone; and here, too, where a repair would bring in something else."""
    row = suspect(SuspectKind.NOT_COUNTED, OTHER)._replace(logged_at_ms=logged_at_ms)
    missing = Suspect(SuspectKind.UNKNOWN, "b", DAY, "counted there", OTHER)
    here = suspect(SuspectKind.NOT_COUNTED, ONE)
    alone = with_remainders([differing(NO_USAGE - OTHER.usage)], [row], [missing])
    assert [missing] == alone
    found = with_remainders([differing(NO_USAGE - ONE.usage - OTHER.usage)], [row, here], [missing, here])
    assert [missing, here] == found[:2]
    assert [(kind, OTHER)] == [(one.kind, one.call) for one in found[2:]]
