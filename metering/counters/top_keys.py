"""The heaviest keys of a month, found without looking at all keys.

An increment returns its counter's new total. Each shard keeps the heaviest totals that it has seen; the
heaviest keys are among those of all shards. For a key's last increment showed its final total to some shard,
and if that one does not list the key, it lists as many others that are as heavy.

That holds where the counters have one slice. With more, a shard sees totals of its own slice, and a key is
surely listed if it is heavier than the least totals of the slices together. CloudWatch Logs spreads
deliveries at random, so that a heavy key is heavy in each.

Where each shard lists other keys, many shards list very many: the counters of only the heaviest of them are
read. A counter is the sum of its slices, and so is what the lists know of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from metering.counters.ports import CounterAnswer, Increment, Status, TopKeysList, TopKeysStore
from metering.errors import UnreadableItem
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, is_month

LISTED: Final = 100
"""Keys of a list."""
CANDIDATES: Final = 500
"""Keys of all lists whose counters are read, at most: several times as many as anybody is shown."""
WRITE_SECONDS: Final = 60
"""Between two writes of a list."""

_MOST_LISTS: Final = 64
_ATTEMPTS: Final = 3

Totals = Mapping[str, int]
"""Requests by key."""


def heaviest(totals: Totals, count: int = LISTED) -> dict[str, int]:
    """The heaviest keys, the heaviest first; of equals, those that come first by name."""
    return dict(sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))[:count])


def united(lists: Iterable[Totals]) -> dict[str, int]:
    """All keys of several lists, each with its highest total."""
    found: dict[str, int] = {}
    for totals in lists:
        for key, requests in totals.items():
            found[key] = max(requests, found.get(key, 0))
    return found


def candidates(lists: Iterable[tuple[int, Totals]]) -> list[str]:
    """The keys that may be the heaviest, the heaviest first as far as the lists know: of the lists of several
    shards, each with the number of the slice that the shard adds to.
    """
    of_slices: dict[int, list[Totals]] = defaultdict(list)
    for number, totals in lists:
        of_slices[number].append(totals)
    known: dict[str, int] = defaultdict(int)
    for of_slice in of_slices.values():
        for key, requests in united(of_slice).items():
            known[key] += requests
    return list(heaviest(known, CANDIDATES))


class _List:
    """The heaviest keys that a shard has seen in a month."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.version = 0
        """Of what is stored, as far as it is known."""
        self.is_changed = False
        self.written_at = float("-inf")
        self._least = 0

    def see(self, key: str, requests: int) -> None:
        """A counter holds so many requests."""
        if requests <= self._least or requests <= self.totals.get(key, 0):
            return
        self.totals[key] = requests
        self.is_changed = True
        if len(self.totals) > 2 * LISTED:
            self.cut()

    def cut(self) -> None:
        """Keep what is listed. What fell out comes back only with a higher total."""
        self.totals = heaviest(self.totals)
        if len(self.totals) == LISTED:
            self._least = min(self.totals.values())


class TopKeys:
    """Keeps the lists of the shards whose batches come by, and writes each at most once a minute.

    What is written is united with what is there already: an environment that begins anew forgets nothing.
    What it has not written when it ends is lost, until the keys are called again.
    """

    def __init__(self, store: TopKeysStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._lists: dict[tuple[Period, str], _List] = {}

    def look(self, found: Iterable[tuple[Increment, CounterAnswer]]) -> list[str]:
        """Learn from what the increments of a batch have found, and write what is due: which stored lists
        cannot be decoded. A write without an answer is made once more in a minute.
        """
        looked: set[tuple[Period, str]] = set()
        for increment, answer in found:
            if not is_month(increment.period) or answer.totals is None:
                continue
            if outcome_of_key(increment.key) is Outcome.METERED:
                place = (increment.period, increment.shard_id)
                self._list(place).see(increment.key, answer.totals.requests)
                looked.add(place)
        now = self._clock().timestamp()
        unreadable = []
        for place in looked:
            one = self._lists[place]
            if one.is_changed and now >= one.written_at + WRITE_SECONDS:
                one.written_at = now
                try:
                    self._write(place, one)
                except UnreadableItem as error:
                    unreadable.append(str(error))
        return unreadable

    def _list(self, place: tuple[Period, str]) -> _List:
        found = self._lists.get(place)
        if found is None:
            while len(self._lists) >= _MOST_LISTS:
                del self._lists[next(iter(self._lists))]
            found = self._lists[place] = _List()
        return found

    def _write(self, place: tuple[Period, str], one: _List) -> None:
        month, shard_id = place
        for _ in range(_ATTEMPTS):
            one.cut()
            status, stored = self._store.put(TopKeysList(month, shard_id, one.version + 1, one.totals))
            match status:
                case Status.UNAVAILABLE:
                    return
                case Status.WRITTEN:
                    one.version = stored.version
                    one.is_changed = False
                    return
                case Status.REFUSED:
                    one.version = stored.version
                    for key, requests in stored.totals.items():
                        one.see(key, requests)
