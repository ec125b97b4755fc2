"""What the counters must hold, reckoned from the sent events alone, and how it compares with them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import add

import xxhash

from metering.outcome import Outcome
from metering.period import Period
from metering.usage import TOTALS, Usage
from simulation.protocol.settings import DAY_MS
from simulation.protocol.store import Counted, CounterId, SentEvent
from simulation.protocol.traffic import SimulatedUserRecord, Truth

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = Counted(Usage(), {})
_OUTCOMES = {
    "-": Outcome.UNATTRIBUTED,
    "!malformed": Outcome.MALFORMED,
    "!undecodable": Outcome.UNDECODABLE,
}


@dataclass(slots=True)
class _Sum:
    """What one counter must hold."""

    totals: list[int] = field(default_factory=lambda: [0] * len(TOTALS))
    parts: dict[str, int] = field(default_factory=dict)


class Oracle:
    """Adds up what is sent, each event once, by whatever means and however often it comes."""

    def __init__(self) -> None:
        self.events = 0
        """Distinct ones."""
        self.duplicates = 0
        """Log events that repeat one that was sent before."""
        self._known: set[str] = set()
        self._sums: dict[CounterId, _Sum] = {}
        self._outcomes: Counter[Outcome] = Counter()
        self._unconfirmed: deque[tuple[int, SentEvent]] = deque()
        """By the moment at which they were first sent."""

    def sent(
        self, user_records: tuple[SimulatedUserRecord, ...], place: str, arrived_at_ms: int, moment: int
    ) -> None:
        """A record was put into the stream. `place` is its shard and sequence number with a colon between;
        moments never decrease.
        """
        for index, user_record in enumerate(user_records):
            for planned in user_record.truths:
                truth = _at_arrival(planned, arrived_at_ms)
                own_id = truth.id or (f"{place}:{index}" if index else place)
                if own_id in self._known:
                    self.duplicates += 1
                else:
                    self._known.add(own_id)
                    time_ms = arrived_at_ms if truth.time_ms is None else truth.time_ms
                    self._unconfirmed.append((moment, self._count(truth, own_id, time_ms)))

    def sent_before(self, moment: int) -> Iterator[SentEvent]:
        """The events that were first sent before a moment, each once."""
        while self._unconfirmed and self._unconfirmed[0][0] < moment:
            yield self._unconfirmed.popleft()[1]

    def requests(self, outcome: Outcome) -> int:
        """How many events had to be counted with an outcome."""
        return self._outcomes[outcome]

    def differences(self, counted: Mapping[CounterId, Counted]) -> Iterator[str]:
        """Every counter that is not what it must be, with what is missing (negative) or too much in it."""
        for key, period in sorted(self._sums.keys() | counted.keys()):
            expected, found = self.expected(key, period), counted.get((key, period), _NOTHING)
            if expected != found:
                yield f"{key} {period}: {_difference(expected, found)}"

    def expected(self, key: str, period: Period) -> Counted:
        """What a counter must hold."""
        found = self._sums.get((key, period))
        return _NOTHING if found is None else Counted(Usage(*found.totals), found.parts)

    def _count(self, truth: Truth, own_id: str, time_ms: int) -> SentEvent:
        self.events += 1
        self._outcomes[_OUTCOMES.get(truth.key, Outcome.METERED)] += 1
        time = (_EPOCH + timedelta(milliseconds=time_ms)).isoformat()
        hashed = xxhash.xxh64_intdigest(own_id.encode()) & (1 << 63) - 1
        month, day = (truth.key, Period(time[:7])), (truth.key, Period(time[:10]))
        amounts = truth.amounts.counted(hashed)
        for place, part in ((month, time[8:10]), (day, time[11:13])):
            counter = self._sums.setdefault(place, _Sum())
            counter.totals = list(map(add, counter.totals, amounts))
            counter.parts[part] = counter.parts.get(part, 0) + 1
        return SentEvent(hashed, (month, day))


def _at_arrival(truth: Truth, arrived_at_ms: int) -> Truth:
    """What is to be counted of it now. A bare line is logged when it arrives: more than a day from its own
    time it is malformed, named after its place as every malformed one is, and so is each copy of it.
    """
    if truth.is_bare and truth.time_ms is not None and abs(truth.time_ms - arrived_at_ms) > DAY_MS:
        return Truth("!malformed", None, None)
    return truth


def _difference(expected: Counted, found: Counted) -> str:
    difference = found.totals - expected.totals
    totals = {name: getattr(difference, name) for name in TOTALS}
    parts = {
        f"part {part}": found.parts.get(part, 0) - expected.parts.get(part, 0)
        for part in sorted(expected.parts.keys() | found.parts.keys())
    }
    return ", ".join(f"{name} {amount:+d}" for name, amount in (totals | parts).items() if amount)
