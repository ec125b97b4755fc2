"""Full pages of the ledger, remembered: they never change, so that nobody has to be asked for them again.

Each refusal by a full page costs a write as large as the page, and brings all of it back. Where many claims
lie in one time slot, a batch would pay for every page on its way to the last one. With this it pays for each
page once in the life of a process.

And that once is mostly a read, which costs a fortieth: behind a page that others have filled, the next ones
are read before anything is written to them, and so is the first page of a slot where that of another was full
when this process came. A page that was full when it was read never changes, so that a read may be as old as
it likes. One that was not is written to as ever, and the write decides.

A page is remembered for an hour at most. It stays in the table for a day and more after the last batch that
may ask for it (:func:`metering.counters.ports.expires_at`), so that no page is remembered that has expired.
What is remembered is bounded: newer time slots take the room of older ones. A slot that fills all of it keeps
its first pages, and only the others are asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Self

from metering.counters.ports import (
    Append,
    Claim,
    Ledger,
    LedgerAnswer,
    LedgerPages,
    Page,
    PageId,
    Status,
)

MOST_HASHES: Final = 1_500_000
"""Of all pages that are remembered: some 70 MB."""
REMEMBERED_SECONDS: Final = 3600.0
MOST_OPEN: Final = 10_000
"""Chains of pages of which it is remembered how far this process has come."""


class _FullPage(NamedTuple):
    claims: Sequence[Claim]
    size: int
    watermarks: Mapping[str, int]
    hashes: int
    until: float

    @classmethod
    def of(cls, page: Page, now: float) -> Self:
        watermarks: dict[str, int] = {}
        for claim in page.claims:
            watermarks[claim.shard_id] = max(claim.position, watermarks.get(claim.shard_id, claim.position))
        hashes = sum(len(claim.hashes) for claim in page.claims)
        return cls(page.claims, page.size, watermarks, hashes, now + REMEMBERED_SECONDS)

    def refusal(self, append: Append) -> LedgerAnswer:
        """What the ledger would answer."""
        watermark = self.watermarks.get(append.claims[0].shard_id)
        return LedgerAnswer(Status.REFUSED, Page(self.claims, watermark, self.size))


class FullPages:
    """The port `Ledger`: what a full page would answer is known here, the rest goes to the ledger itself."""

    def __init__(
        self,
        ledger: Ledger,
        steady: Callable[[], float],
        pages: LedgerPages,
        most_hashes: int = MOST_HASHES,
    ) -> None:
        """`steady` gives seconds since any start; `pages` reads those of the same ledger."""
        self._ledger = ledger
        self._steady = steady
        self._pages = pages
        self._most_hashes = most_hashes
        self._slots: dict[int, dict[PageId, _FullPage]] = {}
        self._hashes = 0
        self._open: dict[tuple[int, int], int] = {}
        """By slot and lane: the number of the page that this process writes to. It is not read before."""
        self._comes_late = False
        """Whether the first page of the slot that it came to last was full."""

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append to several pages: see :class:`metering.counters.ports.Ledger`."""
        now = self._steady()
        known = [self._refusal(one, now) for one in appends]
        unknown = [one for one, refusal in zip(appends, known, strict=True) if refusal is None]
        read = self._read([one for one in unknown if self._is_of_others(one.page)], now)
        others = [one for one in unknown if one.page not in read] if read else unknown
        answers = iter(self._ledger.append(others) if others else ())
        found = []
        for append, refusal in zip(appends, known, strict=True):
            answer = refusal or read.get(append.page)
            if answer is None:
                answer = next(answers)
                self._learn(append, answer, now)
            found.append(answer)
        return found

    def _refusal(self, append: Append, now: float) -> LedgerAnswer | None:
        full = self._slots.get(append.page.slot, {}).get(append.page)
        if full is None:
            return None
        if full.until <= now:
            self._forget(append.page.slot)
            return None
        return full.refusal(append)

    def _is_of_others(self, place: PageId) -> bool:
        """Whether others have filled it, as it seems, and this process has not come to it yet."""
        is_likely = place.page > 0 or self._comes_late
        return is_likely and self._open.get((place.slot, place.lane)) != place.page

    def _read(self, appends: Sequence[Append], now: float) -> dict[PageId, LedgerAnswer]:
        """The refusals of those pages that were full already."""
        if not appends:
            return {}
        found = {}
        pages = self._pages.read([one.page for one in appends])
        for append, page in zip(appends, pages, strict=True):
            if page is not None and page.size >= append.full_at:
                full = _FullPage.of(page, now)
                self._remember(append.page, full)
                found[append.page] = full.refusal(append)
        return found

    def _learn(self, append: Append, answer: LedgerAnswer, now: float) -> None:
        """What the ledger's answer says of the page; nothing, where it was unavailable."""
        if answer.status is Status.UNAVAILABLE:
            return
        place, is_full = append.page, answer.page.size >= append.full_at
        if place.page == 0 and (place.slot, place.lane) not in self._open:
            self._comes_late = is_full and answer.status is Status.REFUSED
        if is_full:
            self._remember(place, _FullPage.of(answer.page, now))
        if answer.status is Status.WRITTEN:  # of a page that it has filled, nobody is likely to be beyond
            self._come_to(place._replace(page=place.page + is_full))
        elif not is_full:
            self._come_to(place)

    def _come_to(self, place: PageId) -> None:
        if len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[place.slot, place.lane] = place.page

    def _remember(self, place: PageId, full: _FullPage) -> None:
        if self._has_room(place.slot, full.hashes):
            self._slots.setdefault(place.slot, {})[place] = full
            self._hashes += full.hashes

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
