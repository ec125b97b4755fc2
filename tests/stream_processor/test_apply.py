"""Step 5: increments are added once, whatever the store has of them already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.call import Call
from metering.calls.record import ReadRecord
from metering.counters.ports import CounterAnswer, Increment, Status
from metering.outcome import Outcome
from metering.period import Period
from metering.usage import Usage
from simulation.protocol.store import SimulatedCounters
from stream_processor.apply import Applied, apply
from stream_processor.fold import Recut, fold

SHARD = "shardId-000000000000"
NOON_MS = 1_793_448_000_000
MONTH, DAY = Period("2026-10"), Period("2026-10-31")


def record(number: int, *keys: str) -> ReadRecord:
    """A record with a call of each of these keys."""
    calls = [
        Call(f"{number}/{place}", 100 * number + place, NOON_MS, key) for place, key in enumerate(keys, 1)
    ]
    return ReadRecord(number, calls)


def apply_records(records: Sequence[ReadRecord], counters: SimulatedCounters) -> Applied:
    """Fold and apply."""
    return apply(fold(records, SHARD), counters, Recut(records).after)


class Silent(SimulatedCounters):
    """Counters that do not answer for some keys; what is asked of them is written or not."""

    def __init__(self, *keys: str, writes: bool = False) -> None:
        super().__init__()
        self.keys = set(keys)
        self._writes = writes

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        return [self._answer(one) for one in increments]

    def _answer(self, increment: Increment) -> CounterAnswer:
        if increment.key not in self.keys:
            return super().add([increment])[0]
        if self._writes:
            super().add([increment])
        return CounterAnswer(Status.UNAVAILABLE)


class TestWritten:
    def test_counted(self) -> None:
        """Each call is reported once, by its outcome, although it is in two counters."""
        applied = apply_records(
            [record(1, "a", "b", "-"), record(2, "a", "!malformed", "!undecodable", "!undecodable")],
            SimulatedCounters(),
        )
        assert {
            Outcome.METERED: 3,
            Outcome.UNATTRIBUTED: 1,
            Outcome.MALFORMED: 1,
            Outcome.UNDECODABLE: 2,
        } == applied.counted
        assert (0, None) == (applied.refused, applied.unapplied_from)

    def test_totals_after(self) -> None:
        """Every increment that was written comes back with the totals of its counter after it."""
        counters = SimulatedCounters()
        apply_records([record(1, "a")], counters)
        applied = apply_records([record(2, "a", "a")], counters)
        assert [(MONTH, 2, 3), (DAY, 2, 3)] == [
            (increment.period, increment.totals.requests, totals.requests)
            for increment, totals in applied.after
        ]

    def test_nothing(self) -> None:
        """Without increments nothing is asked."""
        assert Applied() == apply([], SimulatedCounters(), lambda _watermark, _increment: [])


class TestRefused:
    def test_all_in(self) -> None:
        """A batch that is in already changes nothing, and nothing of it is reported as counted."""
        counters, records = SimulatedCounters(), [record(1, "a", "b"), record(2, "a")]
        apply_records(records, counters)
        before = counters.counted()
        applied = apply_records(records, counters)
        assert before == counters.counted()
        assert (Counter(), 4, None) == (applied.counted, applied.refused, applied.unapplied_from)

    def test_some_in(self) -> None:
        """Of a batch that is longer than the one before, the rest is added."""
        counters = SimulatedCounters()
        records = [record(1, "a"), record(2, "a", "b"), record(3, "a")]
        apply_records(records[:1], counters)
        applied = apply_records(records, counters)
        assert {"a": 3, "b": 1} == {key: counters.usage(key, DAY).requests for key in "ab"}
        assert (3, 2) == (applied.counted[Outcome.METERED], applied.refused)

    def test_impossible(self) -> None:
        """A refusal that no watermark explains is an error of the store, and is never taken for an answer."""

        class Wrong(SimulatedCounters):
            def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
                return [CounterAnswer(Status.REFUSED, watermark=one.first - 1) for one in increments]

        with pytest.raises(AssertionError, match="a 2026-10 refused below its watermark 4"):
            apply_records([record(5, "a")], Wrong())


class TestUnavailable:
    @pytest.mark.parametrize("writes", [False, True], ids=["not written", "written"])
    def test_retry(self, writes: bool) -> None:
        """What got no answer is repeated from its first record, and is added once, written or not."""
        counters = Silent("b", writes=writes)
        records = [record(1, "a"), record(2, "a", "b"), record(3, "b")]
        applied = apply_records(records, counters)
        assert (2, 2) == (applied.unapplied_from, applied.counted[Outcome.METERED])
        counters.keys.clear()
        apply_records(records[1:], counters)
        assert {"a": 2, "b": 2} == {key: counters.usage(key, MONTH).requests for key in "ab"}

    def test_lowest(self) -> None:
        """Of several without an answer, the lowest first record is reported."""
        records = [record(1, "a"), record(2, "c"), record(3, "b", "c")]
        assert 2 == apply_records(records, Silent("b", "c")).unapplied_from
        assert 3 == apply_records(records, Silent("b")).unapplied_from

    def test_rest_unanswered(self) -> None:
        """If the rest of a refused increment gets no answer, it is repeated from the first record of the
        rest.
        """
        records = [record(1, "a"), record(2, "a"), record(3, "a")]

        class RestSilent(SimulatedCounters):
            def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
                silent = CounterAnswer(Status.UNAVAILABLE)
                return [
                    silent if one.first > 1 and self.items else super(RestSilent, self).add([one])[0]
                    for one in increments
                ]

        counters = RestSilent()
        apply_records(records[:1], counters)
        assert 2 == apply_records(records, counters).unapplied_from


keys = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4)


@given(st.lists(keys, min_size=1, max_size=8), st.data())
def test_any_attempts(contents: list[list[str]], data: st.DataObject) -> None:
    """However attempts are cut and whatever is not answered: if every record was reported as in, each call is
    in both of its counters once.
    """
    records = [record(number, *of_record) for number, of_record in enumerate(contents, 1)]
    done, tries = 0, 0
    counters = Silent(writes=data.draw(st.booleans()))
    while done < len(records):
        start = data.draw(st.integers(0, done))
        end = data.draw(st.integers(done + 1, len(records)))
        counters.keys = set(data.draw(keys)) if tries < 20 else set()
        applied = apply_records(records[start:end], counters)
        done = max(done, end if applied.unapplied_from is None else applied.unapplied_from - 1)
        tries += 1
    for key in "abc":
        sent = [call for one in records for call in one.calls if call.key == key]
        expected = Usage(requests=len(sent), fingerprint=sum(call.event_hash for call in sent))
        assert expected == counters.usage(key, MONTH) == counters.usage(key, DAY)
