"""The watch runs in the local cloud, so that it is known how far everything is counted."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.dynamodb.completeness import CompletenessReader
from adapters.dynamodb.top_keys import TopKeysReader
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.playback.player import AccessLogPlayer
from local_cloud.stack import LocalCloud
from metering.period import Period
from stream_processor.processor import BatchReport
from tests.factories import lines

PARAMETERS = {"StreamMode": "PROVISIONED", "ShardCount": 2, "BatchingWindowSeconds": 0}
WRITTEN = datetime(2026, 10, 31, 12, tzinfo=UTC)
"""The time of the log, :data:`tests.factories.NOON_MS`."""


def test_drained() -> None:
    """When a log is played and drained, everything up to its end is known to be counted, in the log's own
    time; whoever listens hears of calls only.
    """
    reports: list[BatchReport] = []
    with (
        LocalCloud(PARAMETERS) as cloud,
        Pipeline(cloud, Listeners(on_batch=reports.append)) as pipeline,
    ):
        dynamodb, table = cloud.client("dynamodb"), cloud.stack.name("CountersTable")
        player = AccessLogPlayer(cloud.client("logs"), cloud.clock, cloud.log_group)
        for _ in player.play(lines(40, apiKeyId="shop")):
            pass
        pipeline.drain()
        found = CompletenessReader(dynamodb, table).read()
        assert WRITTEN == found.complete_through
        assert [shard.id for shard in cloud.stream.open_shards()] == [one.shard_id for one in found.shards]
        assert ["shop"] == TopKeysReader(dynamodb, table).keys(Period("2026-10"))
    assert 40 == sum(report.metered for report in reports)
    assert all(report.log_events for report in reports)
