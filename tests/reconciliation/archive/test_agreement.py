"""Whether counters of a month agree with one another and with what was billed."""

from __future__ import annotations

from metering.counters.counter import Counter
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period
from metering.proof.archive import StoredSlice
from metering.usage import Usage
from reconciliation.archive.agreement import CounterAgreement

DAY, MONTH = Period("2026-10-05"), Period("2026-10")
CALL = Usage(1, 1, 0, 1024, 0, 50, 7)


def slices(key: str, month: Usage, *days: Usage) -> list[StoredSlice]:
    """The counter of a month, and a slice of one day's for each usage."""
    requests = sum(day.requests for day in days)
    whole = Counter(key, MONTH, month, {"05": requests} if requests else {})
    found = [Counter(key, DAY, day, {"07": day.requests}) for day in days]
    return [StoredSlice(one, number, {}) for number, one in enumerate([whole, *found])]


def differing(sealed: dict[str, Usage], *keys: list[StoredSlice]) -> list[str]:
    """The keys that differ."""
    agreement = CounterAgreement(sealed)
    for of_key in keys:
        agreement.add(of_key[0].key, of_key)
    return agreement.differing


def test_agrees() -> None:
    """The slices of all days are the month's, and that is what was billed."""
    assert [] == differing({"a": CALL + CALL}, slices("a", CALL + CALL, CALL, CALL))


def test_each_way_to_differ() -> None:
    """Another total of the month, of a day, requests in other hours, a key more, and a key less."""
    other = CALL + Usage(billable=1)
    assert ["a"] == differing({"a": CALL}, slices("a", other, CALL))
    assert ["a"] == differing({"a": CALL}, slices("a", CALL, other))
    odd = slices("a", CALL, CALL)
    odd[1] = StoredSlice(Counter("a", DAY, CALL, {"07": 2}), 1, {})
    assert ["a"] == differing({"a": CALL}, odd)
    assert ["b"] == differing({"a": CALL}, slices("a", CALL, CALL), slices("b", CALL, CALL))
    assert ["b"] == differing({"a": CALL, "b": CALL}, slices("a", CALL, CALL))


def test_what_no_invoice_knows() -> None:
    """What cannot be decoded has no rows; sizes that an earlier version did not count do not differ."""
    assert [] == differing({}, slices(UNDECODABLE_KEY, Usage(3), Usage(3)))
    assert [] == differing({"a": CALL + Usage(unknown_request_sizes=1)}, slices("a", CALL, CALL))
