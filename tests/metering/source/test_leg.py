"""A leg, look by look: what is a gap, what is usual, what comes late."""

from __future__ import annotations

from metering.source.flow import LATE, SILENCE, TwoCounts
from metering.source.gap import Way
from metering.source.leg import LOOKED_BACK, NEVER_LOGGED, SILENT, Leg, Looked, begun, look

FIRST = 29_000_160


def looks(way: Way, sent: list[float], taken: list[float], leg: Leg | None = None) -> list[Looked]:
    """A look each half hour at counts that go on."""
    found, leg = [], leg or begun(way, "log", FIRST)
    for minute in range(30, len(sent) + 1, 30):
        begin = max(0, minute - LOOKED_BACK)
        one = look(leg, TwoCounts(FIRST + begin, sent[begin:minute], taken[begin:minute]), FIRST + minute)
        found.append(one)
        leg = one.leg
    return found


def gaps(found: list[Looked]) -> list[int]:
    """What is missing, gap by gap."""
    return [one.gap.missing for one in found if one.gap is not None]


def test_one_event_in_a_quiet_log() -> None:
    """Where little is on its way, a single log event that is not forwarded is named."""
    sent = [1.0 if minute % 20 == 0 else 0.0 for minute in range(1_440)]
    taken = [count if minute != 700 else 0.0 for minute, count in enumerate(sent)]
    learned = looks(Way.FORWARDED, sent * 8, sent * 8)[-1].leg
    moved = Leg(Way.FORWARDED, "log", FIRST, learned.noise, learned.share)
    assert [] == gaps(looks(Way.FORWARDED, sent, sent, moved))
    assert [1] == gaps(looks(Way.FORWARDED, sent, taken, moved))


def test_a_small_loss_adds_up() -> None:
    """One in a thousand is named, though a half hour of it is less than delays make."""
    sent = [100.0] * 1_440
    taken = [99.0 if minute % 10 == 0 and minute > 300 else 100.0 for minute in range(1_440)]
    assert 70 < sum(gaps(looks(Way.FORWARDED, sent, taken))) <= 114


def test_what_comes_after_all() -> None:
    """A throttled delivery is missing for as long as it waits, then it has come."""
    sent = [10.0] * 600
    taken = [10.0] * 100 + [0.0] * 120 + [10.0] * 100 + [1_210.0] + [10.0] * 279
    found = looks(Way.FORWARDED, sent, taken)
    assert sum(gaps(found)) == sum(one.returned for one in found) == 1_200


def test_calls_that_are_never_logged() -> None:
    """A few, or a share that is usual, are no gap; all of them are, once it is more than a few calls."""
    sent = [1.0] * 600
    few = [0.0 if minute % 80 == 0 else 1.0 for minute in range(600)]
    assert NEVER_LOGGED > 600 / 80
    assert [] == gaps(looks(Way.LOGGED, sent, few))
    assert [] == gaps(looks(Way.LOGGED, [20.0] * 600, [19.5] * 600))
    rare = [1.0 if minute % 10 == 0 else 0.0 for minute in range(600)]
    silent = [count if minute < 300 else 0.0 for minute, count in enumerate(rare)]
    found = looks(Way.LOGGED, rare, silent)
    first = next(number for number, one in enumerate(found, 1) if one.gap is not None)
    assert first * 30 <= 300 + 10 * SILENT + 30 + LATE


def test_nothing_is_judged_before_the_first_look() -> None:
    """What happened before the watch began is not known to be missing."""
    assert begun(Way.LOGGED, "log", FIRST).anchor == FIRST
    sent, taken = [10.0] * 600, [0.0] * 300 + [10.0] * 300
    late = begun(Way.FORWARDED, "log", FIRST + 330)
    assert [] == gaps(looks(Way.FORWARDED, sent, taken, late))


def test_more_may_be_logged_than_is_counted() -> None:
    """Of WebSocket APIs only connections are counted, so that messages are logged beside them: many of these
    are no return of what was missing, and connections of which nothing is logged are a gap.
    """
    connected = [1.0 if minute % 5 == 0 else 0.0 for minute in range(600)]
    logged = [
        0.0 if 300 <= minute < 400 else 3 * count + (minute % 7) for minute, count in enumerate(connected)
    ]
    leg, found = begun(Way.LOGGED, "log", FIRST), []
    for minute in range(30, 601, 30):
        counts = TwoCounts(FIRST, connected[:minute], logged[:minute], is_whole=False)
        found.append(look(leg, counts, FIRST + minute))
        leg = found[-1].leg
    named = [one.gap for one in found if one.gap is not None]
    assert FIRST + 300 == named[0].begin
    assert FIRST + 300 + SILENCE < named[-1].end <= FIRST + 400
    assert SILENT <= sum(gap.missing for gap in named) <= (400 - 300) / 5
    assert not any(one.returned for one in found)
