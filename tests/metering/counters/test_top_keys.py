"""The heaviest keys: lists that hold them, whoever saw what."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from metering.counters.ports import CounterAnswer, Increment, Status, TopKeysList
from metering.counters.top_keys import (
    CANDIDATES,
    LISTED,
    WRITE_SECONDS,
    TopKeys,
    candidates,
    heaviest,
    united,
)
from metering.period import Period
from metering.usage import Usage

MONTH = Period("2026-11")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Table:
    """The stored lists; it may be out of reach."""

    def __init__(self) -> None:
        self.lists: dict[tuple[Period, str], TopKeysList] = {}
        self.is_down = False
        self.writes = 0

    def put(self, heaviest: TopKeysList) -> tuple[Status, TopKeysList]:
        if self.is_down:
            return Status.UNAVAILABLE, heaviest
        place = (heaviest.month, heaviest.shard_id)
        stored = self.lists.get(place, TopKeysList(*place, 0, {}))
        if heaviest.version != stored.version + 1:
            return Status.REFUSED, stored
        self.writes += 1
        self.lists[place] = heaviest._replace(totals=dict(heaviest.totals))
        return Status.WRITTEN, heaviest

    def totals(self, shard: int) -> dict[str, int]:
        """The list of a shard."""
        return dict(self.lists[MONTH, name(shard)].totals)


class Clock:
    """Waits until it is released."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_minute(self) -> None:
        self.now += timedelta(seconds=WRITE_SECONDS)


def name(shard: int) -> str:
    """A shard's id."""
    return f"shardId-{shard:012d}"


def found(key: str, requests: int, shard: int = 0, period: str = MONTH) -> tuple[Increment, CounterAnswer]:
    """An increment of a counter that holds so many requests after it."""
    increment = Increment(key, Period(period), 0, name(shard), 1, 1, Usage(requests=1), {})
    return increment, CounterAnswer(Status.WRITTEN, None, Usage(requests=requests))


BATCHES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.tuples(st.integers(0, 299), st.integers(1, 500)), max_size=150)),
    max_size=12,
)


class TestUnion:
    @given(BATCHES, st.integers(1, LISTED), st.data())
    def test_holds_the_heaviest(
        self, batches: list[tuple[int, list[tuple[int, int]]]], count: int, data: st.DataObject
    ) -> None:
        """Once all lists are written, any of the heaviest keys is on one of them: shards take turns, and
        environments end when they have written.
        """
        table, clock, totals = Table(), Clock(), Counter[str]()
        environments = [TopKeys(table, clock) for _ in range(2)]
        for shard, added in batches:
            seen = []
            for number, requests in added:
                totals[f"key-{number}"] += requests
                seen.append(found(f"key-{number}", totals[f"key-{number}"], shard))
            clock.pass_minute()
            index = data.draw(st.integers(0, 1))
            environments[index].look(seen)
            if data.draw(st.booleans()):
                environments[index] = TopKeys(table, clock)
        listed = united(one.totals for one in table.lists.values())
        for key, requests in heaviest(totals, count).items():
            if sum(other >= requests for other in totals.values()) <= LISTED:  # of equals, any will do
                assert listed[key] == requests

    def test_order(self) -> None:
        """The heaviest first; of equals, the first by name."""
        assert ["b", "a", "c"] == list(heaviest({"c": 1, "a": 1, "b": 2}, 3))
        assert {"a": 3, "b": 1} == united([{"a": 2, "b": 1}, {"a": 3}])


class TestWrites:
    def test_first_batch(self) -> None:
        """The first batch of a month is written at once, the next ones once a minute."""
        table, clock = Table(), Clock()
        keys = TopKeys(table, clock)
        keys.look([found("a", 1)])
        keys.look([found("a", 2)])
        assert {"a": 1} == table.totals(0)
        clock.pass_minute()
        keys.look([found("a", 3)])
        assert ({"a": 3}, 2) == (table.totals(0), table.writes)

    def test_unchanged(self) -> None:
        """What has not changed is not written again."""
        table, clock = Table(), Clock()
        keys = TopKeys(table, clock)
        for _ in range(3):
            keys.look([found("a", 1)])
            clock.pass_minute()
        assert 1 == table.writes

    def test_new_environment(self) -> None:
        """An environment that begins anew keeps what another one has written."""
        table = Table()
        TopKeys(table, Clock()).look([found("a", 5), found("b", 2)])
        TopKeys(table, Clock()).look([found("b", 7)])
        assert {"a": 5, "b": 7} == table.totals(0)

    def test_down(self) -> None:
        """A table that does not answer is asked again in a minute; nothing is lost."""
        table, clock = Table(), Clock()
        keys = TopKeys(table, clock)
        table.is_down = True
        keys.look([found("a", 1)])
        table.is_down = False
        clock.pass_minute()
        keys.look([found("b", 1)])
        assert {"a": 1, "b": 1} == table.totals(0)

    def test_what_counts(self) -> None:
        """Days, reserved keys and increments without an answer are no keys of a month."""
        table = Table()
        silent = (found("silent", 1)[0], CounterAnswer(Status.UNAVAILABLE))
        keys = TopKeys(table, Clock())
        keys.look([found("day", 9, period="2026-11-05"), found("-", 9), found("!malformed", 9), silent])
        assert {} == table.lists
        keys.look([found("a", 1, period="2026-10"), found("a", 2)])
        assert {("2026-10", 1), ("2026-11", 2)} == {
            (month, one.totals["a"]) for (month, _), one in table.lists.items()
        }

    def test_short_list(self) -> None:
        """No more than 100 keys are kept, the heaviest."""
        table = Table()
        TopKeys(table, Clock()).look(found(f"key-{number}", number + 1) for number in range(1_000))
        assert {f"key-{number}" for number in range(900, 1_000)} == set(table.totals(0))


class TestCandidates:
    def test_many_shards(self) -> None:
        """Where 500 shards list 100 keys each, and each of them others, only the heaviest of all are read."""
        lists = [
            (shard // 16, {f"key-{shard:03d}-{number:02d}": 500 * number + shard for number in range(LISTED)})
            for shard in range(500)
        ]
        assert [f"key-{shard:03d}-99" for shard in reversed(range(500))] == candidates(lists)
        assert CANDIDATES == len(candidates(lists))

    def test_slices(self) -> None:
        """The shards of a slice see the same total, and those of several slices parts of it."""
        assert ["b", "c", "a"] == candidates([(0, {"a": 5, "b": 6}), (0, {"a": 6}), (1, {"b": 2, "c": 7})])
