"""What pages of a local cloud show is added up while it is up."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest

from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.schedule import ScheduledRuns
from local_cloud.stack import LocalCloud
from metering.bucket_layout import breakdown_index, traffic_name
from metering.counters.breakdown import BreakdownIndex
from metering.counters.traffic import MonthTraffic
from metering.period import Period
from tests.factories import lines

MONTH = Period("2026-10")
PARAMETERS = {"StreamMode": "PROVISIONED", "ShardCount": 1, "BatchingWindowSeconds": 0}


def content(cloud: LocalCloud, name: str) -> bytes:
    """Of an object of the lake."""
    answer = cloud.client("s3").get_object(Bucket=cloud.stack.name("LakeBucket"), Key=name)
    return bytes(answer["Body"].read())


def shown(cloud: LocalCloud) -> tuple[int, int]:
    """The calls by hour and those by endpoint, of all keys."""
    traffic = msgspec.json.decode(content(cloud, traffic_name(MONTH)), type=MonthTraffic)
    index = msgspec.json.decode(content(cloud, breakdown_index(MONTH)), type=BreakdownIndex)
    return sum(hour.calls for hour in traffic.hours), sum(route.calls for route in index.total.endpoints)


def index_version(cloud: LocalCloud) -> Any:
    """Another one each time that it is written."""
    return msgspec.json.decode(content(cloud, breakdown_index(MONTH)), type=BreakdownIndex).run_id


def test_added_up_again(caplog: pytest.LogCaptureFixture) -> None:
    """Calls that land later are in the next run's figures (five lines, three of them known); a run without
    new ones does not write those by endpoint again; one that fails is logged, and the next does what it left.
    """
    with LocalCloud(PARAMETERS) as cloud, Pipeline(cloud, Listeners()) as pipeline:
        player, runs = (
            AccessLogPlayer(cloud.client("logs"), cloud.clock, cloud.log_group),
            ScheduledRuns(cloud),
        )
        found = []
        for calls in (3, 5):
            for _ in player.play(lines(calls, apiKeyId="shop")):
                pass
            pipeline.drain()
            runs.run()
            found.append(shown(cloud))
        before = index_version(cloud)
        runs.run()
        assert before == index_version(cloud)

        broken = traffic_name(MONTH)
        kept = content(cloud, broken)
        cloud.client("s3").put_object(Bucket=cloud.stack.name("LakeBucket"), Key=broken, Body=b"{")
        with caplog.at_level(logging.WARNING):
            runs.run()
        cloud.client("s3").put_object(Bucket=cloud.stack.name("LakeBucket"), Key=broken, Body=kept)
        runs.run()
        found.append(shown(cloud))

    assert [(3, 3), (5, 5), (5, 5)] == found
    assert "could not be added up" in caplog.text
