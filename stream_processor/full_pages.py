"""Full pages of the ledger, remembered: they never change, so that nobody has to be asked for them again.

Each refusal by a full page costs a write as large as the page, and brings all of it back. Where many claims
lie in one time slot, a batch would pay for every page on its way to the last one. With this it pays for each
page once in the life of a process.

A page is remembered for an hour at most. It stays in the table for a day and more after the last batch that
may ask for it (:func:`metering.counters.ports.expires_at`), so that no page is remembered that has expired.
What is remembered is bounded: newer time slots take the room of older ones. A slot that fills all of it keeps
its first pages, and only the others are asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from metering.counters.ports import Append, Claim, Ledger, LedgerAnswer, Page, PageId, Status

MOST_HASHES: Final = 1_500_000
"""Of all pages that are remembered: some 70 MB."""
REMEMBERED_SECONDS: Final = 3600.0


class _FullPage(NamedTuple):
    claims: Sequence[Claim]
    size: int
    watermarks: Mapping[str, int]
    hashes: int
    until: float


class FullPages:
    """The port `Ledger`: what a full page would answer is known here, the rest goes to the ledger itself."""

    def __init__(self, ledger: Ledger, steady: Callable[[], float], most_hashes: int = MOST_HASHES) -> None:
        """`steady` gives seconds since any start."""
        self._ledger = ledger
        self._steady = steady
        self._most_hashes = most_hashes
        self._slots: dict[int, dict[PageId, _FullPage]] = {}
        self._hashes = 0

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append to several pages: see :class:`metering.counters.ports.Ledger`."""
        now = self._steady()
        remembered = [self._refusal(one, now) for one in appends]
        others = [one for one, known in zip(appends, remembered, strict=True) if known is None]
        answers = iter(self._ledger.append(others) if others else ())
        found = []
        for append, known in zip(appends, remembered, strict=True):
            answer = next(answers) if known is None else known
            if known is None and answer.page.size >= append.full_at:
                self._remember(append.page, answer.page, now)
            found.append(answer)
        return found

    def _refusal(self, append: Append, now: float) -> LedgerAnswer | None:
        full = self._slots.get(append.page.slot, {}).get(append.page)
        if full is None:
            return None
        if full.until <= now:
            self._forget(append.page.slot)
            return None
        watermark = full.watermarks.get(append.claims[0].shard_id)
        return LedgerAnswer(Status.REFUSED, Page(full.claims, watermark, full.size))

    def _remember(self, place: PageId, page: Page, now: float) -> None:
        hashes = sum(len(claim.hashes) for claim in page.claims)
        if not self._has_room(place.slot, hashes):
            return
        watermarks: dict[str, int] = {}
        for claim in page.claims:
            watermarks[claim.shard_id] = max(claim.position, watermarks.get(claim.shard_id, claim.position))
        full = _FullPage(page.claims, page.size, watermarks, hashes, now + REMEMBERED_SECONDS)
        self._slots.setdefault(place.slot, {})[place] = full
        self._hashes += hashes

    def _has_room(self, slot: int, hashes: int) -> bool:
        """Make room by forgetting older slots: whether there is enough."""
        while self._hashes + hashes > self._most_hashes:
            oldest = min(self._slots, default=slot)
            if oldest >= slot:
                return False
            self._forget(oldest)
        return True

    def _forget(self, slot: int) -> None:
        self._hashes -= sum(full.hashes for full in self._slots.pop(slot).values())
