"""Whether the counters of a month agree with one another and with what was billed, key by key. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metering.counters.counter import Counter, summed
from metering.outcome import UNDECODABLE_KEY
from metering.period import is_day
from metering.proof.archive import StoredSlice
from metering.proof.drift import beyond_unknown_sizes
from metering.usage import NO_USAGE, Usage, total
from reconciliation.model.contradictions import contradictions


class CounterAgreement:
    """Takes the counters of one key after the other, and finds those that do not agree."""

    def __init__(self, sealed: Mapping[str, Usage]) -> None:
        """`sealed` is the usage of each key as billed."""
        self._sealed = sealed
        self._waiting = set(sealed)
        self._differing: set[str] = set()

    def add(self, key: str, rows: Sequence[StoredSlice]) -> bool:
        """Look at all slices of a key, in the order of their periods; whether they agree."""
        counters = list(summed(row.counter for row in rows))
        self._waiting.discard(key)
        if any(self._faults(key, counters)):
            self._differing.add(key)
            return False
        return True

    def _faults(self, key: str, counters: Sequence[Counter]) -> Iterator[bool]:
        days = total(one.usage for one in counters if is_day(one.period))
        whole = total(one.usage for one in counters if not is_day(one.period))
        yield next(contradictions(counters), None) is not None
        yield days != whole
        if key != UNDECODABLE_KEY:  # no row of the lake, and so not in what was billed
            yield beyond_unknown_sizes(whole - self._sealed.get(key, NO_USAGE)) != NO_USAGE

    @property
    def differing(self) -> list[str]:
        """The keys whose counters are not what was billed, in order: calls came since, or one is wrong."""
        return sorted(self._differing | self._waiting)
