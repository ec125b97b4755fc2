"""Units of a month."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from local_cloud.template.document import Stack, load_template, translated
from metering.cost.batch import BATCH_DELIVERIES
from metering.cost.bill import ALARM_METRICS, ALARM_METRICS_OF_ALL
from metering.cost.units import PROCESSOR_MEMORY_MB, TRANSFORM_MEMORY_MB, WATCH_MEMORY_MB, units
from metering.cost.workload import SECONDS_OF_MONTH, Workload

STACK = Stack()
DEFAULTS = {name: one["Default"] for name, one in load_template()["Parameters"].items()}


class TestUnits:
    @pytest.mark.parametrize("calls", [10**6, 10**9, SECONDS_OF_MONTH * 10**4])
    def test_grow_with_the_calls(self, calls: int) -> None:
        """Twice the calls take more of everything but what is there anyway, and not twice the write units."""
        once, twice = (units(Workload(count, 1000, shards=2)) for count in (calls, 2 * calls))
        assert [] == [name for name, value in asdict(once).items() if asdict(twice)[name] < value * 0.99]
        assert twice.write_units < 2 * once.write_units
        assert 2 * once.log_bytes == twice.log_bytes

    def test_records_are_rounded(self) -> None:
        """A record of one line is billed as 1 KB by the stream, as a put of 25 KB, as 5 KB by Firehose."""
        found = units(Workload(10**6, 10, shards=1, calls_per_delivery=1))
        records = 10**6 + SECONDS_OF_MONTH / 60
        assert found.stream_bytes_in == pytest.approx(records * 1024)
        assert found.put_units == pytest.approx(records)
        assert found.firehose_bytes == pytest.approx(records * 5 * 1024)

    def test_quiet_months(self) -> None:
        """Without hardly a call there are heartbeats, and nothing grows beyond them."""
        found = units(Workload(100, 10))
        assert found.batches == pytest.approx(SECONDS_OF_MONTH / 60, rel=0.1)
        assert round(found.lake_files) <= 100
        traced = units(Workload(100, 10, is_traced=True))
        assert 0 == found.traces < traced.traces <= found.batches + found.transforms + found.watch_runs

    def test_storage(self) -> None:
        """The lake and the counters grow with the months; claims live as long whatever the stream keeps."""
        year, two_years = (units(Workload(10**9, 1000, months_kept=months)) for months in (12, 24))
        assert 2 * year.lake_stored_bytes == two_years.lake_stored_bytes
        assert year.table_bytes < two_years.table_bytes < 2 * year.table_bytes
        assert (
            year.table_bytes == units(Workload(10**9, 1000, months_kept=12, retention_hours=168)).table_bytes
        )

    def test_retention(self) -> None:
        """What a provisioned shard keeps for a day is in its price; more is billed by the shard and hour."""
        day, week = (units(Workload(10**6, 10, retention_hours=hours)) for hours in (24, 168))
        assert [0, 730] == [round(one.retention_shard_hours) for one in (day, week)]
        assert 0 == day.stream_stored_bytes < week.stream_stored_bytes

    def test_loading_code(self) -> None:
        """Lambda bills what a new environment takes to load the code: little, and more with more shards."""
        one, four = (units(Workload(10**6, 10, shards=shards)).init_gb_seconds for shards in (1, 4))
        assert 0 < one < four < 4 * one


class TestTemplate:
    """The constants of the model are those of the template."""

    def test_memory(self) -> None:
        """What a function's time is multiplied with."""
        assert [PROCESSOR_MEMORY_MB, TRANSFORM_MEMORY_MB, WATCH_MEMORY_MB] == [
            STACK.resource(name)["MemorySize"]
            for name in ("StreamProcessorFunction", "FirehoseTransformFunction", "WatchFunction")
        ]

    def test_settings(self) -> None:
        """An estimate without options is that of a stack without parameters."""
        workload = Workload(1, 1)
        assert {
            "BatchSize": BATCH_DELIVERIES,
            "BatchingWindowSeconds": workload.window_seconds,
            "LedgerSlotSeconds": workload.slot_seconds,
            "WriteConcurrency": workload.write_concurrency,
            "LakeBufferSeconds": workload.lake_buffer_seconds,
            "StreamRetentionHours": str(workload.retention_hours),
        }.items() <= DEFAULTS.items()

    @pytest.mark.parametrize(
        ("monitoring", "expected"), [("essential", ALARM_METRICS), ("full", ALARM_METRICS_OF_ALL)]
    )
    def test_alarms(self, monitoring: str, expected: int) -> None:
        """As many as the template's alarms watch: each is a tenth of a dollar, also within an expression."""
        stack = Stack({"Monitoring": monitoring})
        alarms = [
            stack.resource(name)
            for name, one in translated()["Resources"].items()
            if one["Type"] == "AWS::CloudWatch::Alarm" and stack.has(name)
        ]
        assert expected == sum(watched(alarm) for alarm in alarms)

    def test_mode(self) -> None:
        """An estimate without options has the stream of a stack without parameters."""
        assert ("ON_DEMAND" == DEFAULTS["StreamMode"]) == Workload(1, 1).is_on_demand
        assert ("full" == DEFAULTS["Monitoring"]) == Workload(1, 1).monitors_fully
        assert ("Active" == DEFAULTS["Tracing"]) == Workload(1, 1).is_traced
        assert ("yes" == DEFAULTS["EncryptTopics"]) == Workload(1, 1).encrypts_topics


def watched(alarm: dict[str, Any]) -> int:
    """The metrics that an alarm is billed for."""
    queries = alarm.get("Metrics", [{"MetricStat": {}}])
    return sum("MetricStat" in one or one["Expression"].startswith("SELECT") for one in queries)
