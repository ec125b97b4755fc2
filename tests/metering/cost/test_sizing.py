"""What the busiest hour needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metering.cost.batch import BATCH_BYTES, BATCH_DELIVERIES, batch_of, run_seconds
from metering.cost.sizing import SHARD_RECORDS, lanes_for, shards_by_limits, sizing
from metering.cost.workload import SECONDS_OF_MONTH, Workload


def at(rate: int, keys: int = 1000, **settings: object) -> Workload:
    """So many calls a second, in every hour."""
    return Workload(rate * SECONDS_OF_MONTH, keys, peak=1, **settings)  # type: ignore[arg-type]


class TestBatch:
    def test_window(self) -> None:
        """A batch ends with its window, and begins with the next delivery."""
        assert 1 / batch_of(at(1000), 1).per_second == pytest.approx(5.25, rel=0.01)
        assert batch_of(at(1000), 1).calls == pytest.approx(5250, rel=0.01)

    def test_rare_calls(self) -> None:
        """Where hardly a call comes, each has a batch of its own, and so has each heartbeat."""
        batch = batch_of(Workload(1000, 10), 1)
        assert batch.per_second == pytest.approx(1000 / SECONDS_OF_MONTH + 1 / 60, rel=0.1)
        assert batch.calls < 1

    def test_full_before_the_window_ends(self) -> None:
        """A batch ends when it has its most deliveries, or its most bytes."""
        assert batch_of(at(5000, calls_per_delivery=1, window_seconds=60), 1).deliveries == pytest.approx(
            BATCH_DELIVERIES, rel=0.01
        )
        large = at(20_000, line_bytes=4000, window_seconds=60)
        assert batch_of(large, 1).deliveries * large.delivery_bytes == pytest.approx(BATCH_BYTES, rel=0.01)

    def test_longer_windows_are_cheaper(self) -> None:
        """Writes of a call fall with the window: a key is written once a batch."""
        short, long = (batch_of(at(100, window_seconds=seconds), 1) for seconds in (1, 30))
        assert long.counter_writes / long.calls < short.counter_writes / short.calls / 2

    def test_waiting_for_dynamodb(self) -> None:
        """With few writes at a time an invocation waits, with many it is busy."""
        batch = batch_of(at(1000), 1)
        one, many = (run_seconds(at(1000, write_concurrency=writers), batch, 1) for writers in (1, 64))
        assert one > 10 * many


class TestSizing:
    def test_shards(self) -> None:
        """As many as the bytes and the records of the busiest hour need."""
        assert 1 == shards_by_limits(at(1000))
        assert 2 == shards_by_limits(at(2 * SHARD_RECORDS, calls_per_delivery=1))
        assert 10 == shards_by_limits(at(100_000))
        assert 3 == sizing(at(1000, shards=3)).shards

    def test_on_demand(self) -> None:
        """An on-demand stream has four shards, however little comes, and each makes batches of its own."""
        quiet = Workload(10**6, 10)
        on_demand = replace(quiet, is_on_demand=True)
        assert [1, 4] == [sizing(one).shards for one in (quiet, on_demand)]
        assert sizing(on_demand).concurrency == 4 * sizing(quiet).concurrency
        assert sizing(on_demand).write_units_per_second > sizing(quiet).write_units_per_second

    def test_more_shards_where_there_is_too_much_to_do(self) -> None:
        """The stream processor is never busier than 80 % of the time."""
        size = sizing(at(10_000, keys=20_000))
        assert size.shards > shards_by_limits(at(10_000, keys=20_000))
        assert size.busy_share <= 0.8

    def test_peak(self) -> None:
        """Everything is sized for the busiest hour."""
        calm, busy = sizing(at(1000)), sizing(replace(at(1000), peak=5.0))
        assert 5 * calm.calls_per_second == busy.calls_per_second
        assert busy.write_units_per_second > calm.write_units_per_second

    def test_lanes(self) -> None:
        """One lane as long as its page has room; more where it has not, or those that are set."""
        assert 1 == lanes_for(at(1000), 1)
        assert lanes_for(at(60_000), 4) > 1
        assert 7 == lanes_for(at(1000, lanes=7), 1)
        assert sizing(at(30_000, shards=4)).hot_page_headroom > 2

    def test_hot_key(self) -> None:
        """The busiest key's counter is written twice a batch of each shard of a slice, however many calls it
        has.
        """
        assert sizing(at(1000)).hot_key_headroom == pytest.approx(1000 / (2 / 5.25), rel=0.01)
        assert sizing(at(1000, shards=64)).hot_key_headroom > 100
