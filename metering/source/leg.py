"""One part of the way at one log group: what is missing on it, by its two counts, and what is usual there.

Everything from before the *anchor* is decided. What is missing since then is compared with what is usual.
If it is more, it is a gap, and the anchor moves to now; if it is less than nothing, what was missing has
come. So a small loss adds up until it is seen, for a day; then the anchor moves on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from metering.source.flow import LATE, WINDOW, Balance, BalanceChange, TwoCounts
from metering.source.gap import Gap, Way
from metering.source.usual import Usual

ANCHORED: Final = 1_440
"""Minutes after which the anchor moves on though nothing is missing."""
LOOKED_BACK: Final = ANCHORED + 2 * WINDOW + LATE
"""Minutes of both counts that are needed."""

NOISE_UNTIL_KNOWN: Final = 3.0
SHARE_UNTIL_KNOWN: Final = 0.04
"""What is taken for usual in the first three days."""
LEAST_SHARE: Final = 0.01
NEVER_LOGGED: Final = 10
"""Calls that API Gateway may count and never log (413, some of 429), and the share of all calls in which
they are not worth a word even where they are new.
https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-monitor.html
"""
SILENT: Final = 6
"""So many calls, none of which is logged, are a gap."""
_SHARE_MARGIN: Final = 3.0
_NOISE_MARGIN: Final = 1.5
_ALL_BUT_ONE: Final = 0.9
_FEW: Final = 100
_CHANCE: Final = 3


class Leg(msgspec.Struct, frozen=True):
    """What is known of it."""

    way: Way
    place: str
    anchor: int
    """In minutes since 1970."""
    noise: Usual = Usual()
    """How much delays make of nothing: see :attr:`metering.source.flow.BalanceChange.noise`."""
    share: Usual = Usual()
    """The share of calls that are never logged."""


class Looked(NamedTuple):
    """A look at a leg."""

    leg: Leg
    gap: Gap | None = None
    returned: int = 0
    """Events that were missing, and came."""
    allowed: int = 0
    """How many may be missing for no reason."""


def begun(way: Way, place: str, now: int) -> Leg:
    """A leg that was not looked at before: what happened until now is not judged."""
    return Leg(way, place, anchor=now)


def look(leg: Leg, counts: TwoCounts, now: int) -> Looked:
    """Look at a leg, at a minute; the counts reach back to before its anchor."""
    until = min(now - LATE, counts.end)
    anchor = max(leg.anchor, counts.start + WINDOW)
    if until - WINDOW < anchor:
        return Looked(leg)
    balance = Balance(counts, until)
    if not counts.is_whole:
        return _listened(leg, balance, anchor)
    found = balance.change(anchor)
    learned = _learned(leg, balance, found)
    allowed = tolerance(leg, found)
    unheard = balance.silence(anchor).sent if leg.way is Way.LOGGED else 0
    if found.missing > allowed or unheard >= SILENT:
        missing = max(1, round(found.missing))
        gap = Gap(leg.way, leg.place, balance.onset(anchor, missing), until, missing)
        return Looked(msgspec.structs.replace(learned, anchor=until), gap)
    if found.missing < -allowed:
        moved = msgspec.structs.replace(learned, anchor=until)
        return Looked(moved, returned=round(-found.missing), allowed=int(allowed))
    if until - anchor >= ANCHORED and not unheard:
        return Looked(msgspec.structs.replace(learned, anchor=until))
    return Looked(learned)


def _listened(leg: Leg, balance: Balance, anchor: int) -> Looked:
    """Look where more may be taken than is known to be sent: then only silence says that something is
    missing.
    """
    silence = balance.silence(anchor)
    moved = msgspec.structs.replace(leg, anchor=balance.until)
    if silence.sent >= SILENT:
        return Looked(moved, Gap(leg.way, leg.place, silence.begin, balance.until, round(silence.sent)))
    return Looked(moved if balance.until - anchor >= ANCHORED and not silence.sent else leg)


def tolerance(leg: Leg, found: BalanceChange) -> float:
    """How many events may be missing for no reason but what is usual."""
    noise = _NOISE_MARGIN * leg.noise.value(NOISE_UNTIL_KNOWN) * found.noise
    if leg.way is Way.FORWARDED:
        return _ALL_BUT_ONE + noise
    share = max(LEAST_SHARE, _SHARE_MARGIN * leg.share.value(SHARE_UNTIL_KNOWN))
    return NEVER_LOGGED + noise + share * found.sent


def _learned(leg: Leg, balance: Balance, found: BalanceChange) -> Leg:
    """What this look teaches. Delays vary up and down, and a loss goes one way: so they are known by what
    came after all. What is never logged is known by what is missing.
    """
    day = balance.until // 1440
    fallen = balance.fallen()
    noise = max(0.0, -fallen.missing - _ALL_BUT_ONE) / fallen.noise if fallen.noise else 0.0
    share = max(0.0, found.missing - _CHANCE) / max(found.sent, _FEW)
    return msgspec.structs.replace(
        leg, noise=leg.noise.with_seen(noise, day), share=leg.share.with_seen(share, day)
    )
