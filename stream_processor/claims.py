"""Step 2: which of a batch's events are ours, by the ledger.

An event belongs to the first claim, in the order of the ledger, that holds its hash. Claims are only ever
appended, and a retry finds its own in their old places, so the answer never changes.

The claims of a time slot and lane are a chain of pages. A page that is full takes no more for ever, so that
everybody goes on to the next one, and the order of claims is that of the pages and of the lists in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from metering.calls.record import ReadRecord
from metering.counters.ledger_layout import LayoutHistory, LayoutSource, LedgerLayout
from metering.counters.ports import Append, Claim, Ledger, LedgerAnswer, Page, PageId, Status

_PARTS = 1 << 16
"""A record with very many events claims them in parts, so that one write stays small."""

Disowned = dict[int, set[int]]
"""By sequence number: the hashes of the record's events that belong to an earlier claim."""


_Place = tuple[int, int, int]
"""Since when the layout holds, the slot, and the lane."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the ledger said. Records from `unresolved_from` on are not known to be ours: no answer came."""

    disowned: Disowned = field(default_factory=dict)
    unresolved_from: int | None = None

    @property
    def duplicates(self) -> int:
        """The events that belong to an earlier claim."""
        return sum(map(len, self.disowned.values()))


def claim(records: Sequence[ReadRecord], shard_id: str, ledger: Ledger, layouts: LayoutSource) -> Ownership:
    """Claim the events of a batch of one shard, whose records are in the order of their sequence numbers."""
    history = layouts.known()
    if history is None:
        return Ownership(unresolved_from=records[0].sequence_number)
    waiting = _chains(records, shard_id, history)
    disowned: Disowned = {}
    unresolved: list[int] = []
    while waiting:
        answers = ledger.append([one.next_append() for one in waiting])
        for one, answer in zip(waiting, answers, strict=True):
            one.take(answer)
        unresolved += [one.first_missing for one in waiting if one.is_unavailable]
        for one in waiting:
            one.resolve_into(disowned)
        waiting = [one for one in waiting if one.is_waiting]
    return Ownership(disowned, min(unresolved, default=None))


def _chains(records: Iterable[ReadRecord], shard_id: str, history: LayoutHistory) -> list[_Chain]:
    """The claims of a batch, for each slot and lane in the order of their positions."""
    since, until, layout = history.at(0)
    layouts = {since: layout}
    wanted: dict[_Place, list[Claim]] = {}
    for record in records:
        hashes: dict[_Place, list[int]] = {}
        for call in record.calls:
            if not since <= call.time_ms < until:
                since, until, layout = history.at(call.time_ms)
                layouts[since] = layout
            place = (since, call.time_ms // layout.slot_ms, call.event_hash % layout.lanes)
            hashes.setdefault(place, []).append(call.event_hash)
        for place, found in hashes.items():
            most = layouts[place[0]].hashes_of_a_claim
            wanted.setdefault(place, []).extend(_parts(record, shard_id, found, most))
    return [_Chain(slot, lane, claims, layouts[since]) for (since, slot, lane), claims in wanted.items()]


def _parts(record: ReadRecord, shard_id: str, hashes: list[int], most: int) -> Iterator[Claim]:
    for part, start in enumerate(range(0, len(hashes), most)):
        position = record.sequence_number * _PARTS + part
        yield Claim(shard_id, position, tuple(hashes[start : start + most]))


class _Chain:
    """The claims of a batch in one slot and lane, on their way along the pages."""

    def __init__(self, slot: int, lane: int, claims: list[Claim], layout: LedgerLayout) -> None:
        self.is_unavailable = False
        self._slot = slot
        self._lane = lane
        self._ours = claims
        self._missing: Sequence[Claim] = claims
        self._layout = layout
        self._pages: list[Page] = [Page()]

    @property
    def is_waiting(self) -> bool:
        return bool(self._missing) and not self.is_unavailable

    @property
    def first_missing(self) -> int:
        """The sequence number of the first record with a claim that is not known to be in."""
        return self._missing[0].position // _PARTS

    def next_append(self) -> Append:
        size = 0
        carried: list[Claim] = []
        for one in self._missing:
            size += one.size
            if carried and size > self._layout.most_at_once:
                break
            carried.append(one)
        page = PageId(self._slot, self._lane, len(self._pages) - 1)
        ends_at = (self._slot + 1) * self._layout.slot_ms // 1000
        return Append(page, tuple(carried), self._layout.full_at, ends_at)

    def take(self, answer: LedgerAnswer) -> None:
        """Learn from an answer what is in, and where to go on."""
        if answer.status is Status.UNAVAILABLE:
            self.is_unavailable = True
            return
        page = self._pages[-1] = answer.page
        if page.watermark is not None:
            self._missing = [one for one in self._missing if one.position > page.watermark]
        if self._missing and page.size >= self._layout.full_at:
            self._pages.append(Page())

    def resolve_into(self, disowned: Disowned) -> None:
        """Once all claims are in: note which of our events an earlier claim holds.

        Where an answer is missing, this speaks for the claims that are in; the others are not acted on.
        """
        if self.is_waiting:
            return
        claims = list(chain.from_iterable(page.claims for page in self._pages))
        ours = {(one.shard_id, one.position) for one in self._ours}
        others = [one for one in claims if (one.shard_id, one.position) not in ours]
        if len(claims) - len(others) < len(self._ours) - len(self._missing):
            self._disown_unclaimed(claims, disowned)
        if not _meet(self._ours, others):
            return
        seen: set[int] = set()
        for one in claims:
            if (one.shard_id, one.position) in ours and not seen.isdisjoint(one.hashes):
                disowned.setdefault(one.position // _PARTS, set()).update(seen.intersection(one.hashes))
            seen.update(one.hashes)

    def _disown_unclaimed(self, claims: Sequence[Claim], disowned: Disowned) -> None:
        """The shard's watermark is above claims that nobody has made: their batch was given up, and comes
        again by an old checkpoint. A copy may be counted by now, or be claimed later. So they stay
        uncounted, as what is given up does, until a repair brings them.
        """
        made = {(one.shard_id, one.position) for one in (*claims, *self._missing)}
        for one in self._ours:
            if (one.shard_id, one.position) not in made:
                disowned.setdefault(one.position // _PARTS, set()).update(one.hashes)


def _meet(ours: Sequence[Claim], others: Iterable[Claim]) -> bool:
    """Whether an event of ours is claimed twice by us, or by others too: mostly none is."""
    distinct = set(chain.from_iterable(one.hashes for one in ours))
    is_repeated = len(distinct) < sum(len(one.hashes) for one in ours)
    return is_repeated or not all(distinct.isdisjoint(one.hashes) for one in others)


def owned(records: Iterable[ReadRecord], disowned: Mapping[int, set[int]]) -> Iterator[ReadRecord]:
    """The records with the calls that are ours."""
    for record in records:
        foreign = disowned.get(record.sequence_number)
        if foreign:
            ours = [call for call in record.calls if call.event_hash not in foreign]
            yield ReadRecord(record.sequence_number, ours)
        else:
            yield record
